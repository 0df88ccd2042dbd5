package statuspage

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed static
var static embed.FS

// asset is a file that goes with the pages.
type asset struct {
	data []byte
	hash string
}

var assets = readAssets()

func readAssets() map[string]asset {
	all := make(map[string]asset)
	entries, err := static.ReadDir("static")
	if err != nil {
		panic(err) // it is embedded
	}
	for _, e := range entries {
		data, err := static.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		all[e.Name()] = asset{data, hex.EncodeToString(sum[:8])}
	}
	return all
}

var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// serveAsset serves a file: for good to who asks for these very bytes, as the pages do.
func (h *Handler) serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := assets[name]
	if !ok {
		h.notFound(w, r)
		return
	}
	header := w.Header()
	tag := `"` + a.hash + `"`
	header.Set("ETag", tag)
	header.Set("Cache-Control", "private, no-cache")
	if r.URL.Query().Get("v") == a.hash {
		header.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", assetTypes[path.Ext(name)])
	header.Set("Content-Length", strconv.Itoa(len(a.data)))
	_, _ = w.Write(a.data) // a reader who has gone needs no answer
}
