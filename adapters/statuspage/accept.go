package statuspage

import (
	"mime"
	"strconv"
	"strings"
)

// prefersJSON reports whether a request's Accept headers name JSON, and not HTML before it. What is
// not named is not preferred: browsers and curl get HTML.
func prefersJSON(accept []string) bool {
	json, html := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, ok := params["q"]; ok {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				weight = 0
			}
		}
		switch media {
		case "application/json":
			if weight > html {
				json = max(json, weight)
			}
		case "text/html", "application/xhtml+xml":
			html = max(html, weight)
		}
	}
	return json > 0 && json >= html
}
