package statuspage

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// product is what the page is a page of.
const product = "GitHub Runner Provisioner"

// page is what every page has.
type page struct {
	title, section      string
	prefix              string
	version, deployment string
	startedAt, now      time.Time
	code                int    // of the answer; 0 means 200
	query               string // what was looked for
	still               bool   // it does not change
}

func (h *Handler) page(section, title string) page {
	return page{
		title: title, section: section, prefix: h.prefix, version: h.cfg.Version, deployment: h.cfg.Deployment,
		startedAt: h.cfg.StartedAt, now: time.Now(),
	}
}

// to is the address of one of our pages.
func (p page) to(path string) templ.SafeURL { return templ.SafeURL(p.prefix + path) }

func (p page) asset(name string) templ.SafeURL {
	return p.to("/static/" + name + "?v=" + assets[name].hash)
}

// jobs is the address of some jobs.
func (p page) jobs(params ...string) templ.SafeURL {
	q := make(url.Values)
	for i := 0; i+1 < len(params); i += 2 {
		q.Add(params[i], params[i+1])
	}
	return p.to("/jobs?" + q.Encode())
}

// current marks the link to the page that is shown.
func (p page) current(section string) templ.Attributes {
	if p.section != section {
		return nil
	}
	return templ.Attributes{"aria-current": "page"}
}

// elsewhere is an address that a stranger gave, if a browser may be sent there.
func elsewhere(address string) (templ.SafeURL, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", false
	}
	return templ.SafeURL(u.String()), true
}

// dash is what stands where there is nothing to say.
func dash(s string) string {
	if strings.TrimSpace(s) == "" {
		return "–"
	}
	return s
}

// asStill is a page that does not reload itself.
func (p page) asStill() page {
	p.still = true
	return p
}
