package webhooktest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Cases returns the contract, for a webhook with this secret. Every case is about a job of its own,
// so their order does not matter. The bodies are some 25 MB together, of which one case has nearly
// all.
func Cases(secret string) []Case {
	d := &drafts{secret: secret, next: 7_000_000_001}
	return slices.Concat(refused(d), invalid(d), ignored(d), noted(d), planned(d), accepted(d))
}

// drafts makes cases that are well-formed deliveries of GitHub's, to be spoilt.
type drafts struct {
	secret string
	next   int64
}

// job drafts the delivery of a queued job for ubuntu-arm64 with edits.
func (d *drafts) job(name string, edits ...Edit) Case {
	id := d.next
	d.next++
	defaults := []Edit{
		Set("workflow_job.id", id), Set("workflow_job.labels", []string{"self-hosted", "ubuntu-arm64"}),
		Set("workflow_job.created_at", time.Now().UTC().Format(time.RFC3339)),
	}
	c := d.event(name, "workflow_job", Payload(append(defaults, edits...)...))
	c.WantJob = id
	return c
}

// event drafts the delivery of an event.
func (d *drafts) event(name, event string, body []byte) Case {
	return Case{
		Name: name, Method: http.MethodPost, Body: body, Times: 1,
		Header: http.Header{
			"Content-Type": {"application/json"}, "User-Agent": {"GitHub-Hookshot/044aadd"}, "X-Github-Event": {event},
			"X-Github-Delivery": {fmt.Sprintf("72d3162e-cc78-11e3-81ab-%012d", d.next)}, "X-Hub-Signature-256": {Sign(d.secret, body)},
		},
	}
}

// with sets a header; an empty value removes it.
func (c Case) with(key, value string) Case {
	c.Header = c.Header.Clone()
	if value == "" {
		c.Header.Del(key)
	} else {
		c.Header.Set(key, value)
	}
	return c
}

// form turns the body into a form, as GitHub sends it on request.
func (c Case) form(secret string) Case {
	c.Body = []byte(url.Values{"payload": {string(c.Body)}}.Encode())
	return c.with("Content-Type", "application/x-www-form-urlencoded").with("X-Hub-Signature-256", Sign(secret, c.Body))
}

func (c Case) byHand() Case                { return c.with("User-Agent", "curl/8.5.0") }
func (c Case) query(raw string) Case       { c.Query = raw; return c }
func (c Case) reason(part string) Case     { c.WantReason = part; return c }
func (c Case) runnerType(name string) Case { c.WantType = name; return c }
func (c Case) dry(defaulted bool) Case     { c.WantDefaulted = &defaulted; return c }
func (c Case) want(code int, status ...string) Case {
	c.WantCode, c.WantStatus = code, status
	if code >= http.StatusBadRequest && code != http.StatusServiceUnavailable {
		c.WantJob = 0 // nothing is said about a job that may be anybody's
	}
	return c
}

func refused(d *drafts) []Case {
	var cases []Case
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		c := d.job("the method "+method).want(http.StatusMethodNotAllowed, "method_not_allowed")
		c.Method = method
		cases = append(cases, c)
	}
	for _, content := range []string{"text/plain", "multipart/form-data", "application/jsonp", "application/json, text/plain", ""} {
		cases = append(cases, d.job(fmt.Sprintf("the content type %q", content)).with("Content-Type", content).
			want(http.StatusUnsupportedMediaType, "unsupported_content_type"))
	}
	huge := bytes.Repeat([]byte{' '}, 25<<20+1)
	cases = append(cases, d.event("a body over 25 MB", "workflow_job", huge).want(http.StatusRequestEntityTooLarge, "too_large"))

	const sha1 = "sha1=0123456789abcdef0123456789abcdef01234567"
	other := Sign(d.secret, []byte("{}"))
	for _, s := range []struct{ name, signature string }{
		{"no signature", ""},
		{"a SHA-1 signature in place of SHA-256", sha1},
		{"the signature of another body", other},
		{"the signature of another secret", Sign(d.secret+"x", Payload())},
		{"the signature of an empty secret", Sign("", Payload())},
		{"a signature without its prefix", strings.TrimPrefix(other, "sha256=")},
		{"a signature that ends early", other[:len(other)-2]},
		{"a signature that goes on", other + "00"},
		{"a signature that is not hexadecimal", "sha256=" + strings.Repeat("z", 64)},
		{"an empty signature", "sha256="},
	} {
		cases = append(cases, d.job(s.name).with("X-Hub-Signature-256", s.signature).want(http.StatusUnauthorized, "unauthorized"))
	}
	for _, digit := range []int{0, 15, 31, 32, 48, 63} {
		c := d.job(fmt.Sprintf("a signature with another digit %d", digit))
		s := []byte(c.Header.Get("X-Hub-Signature-256"))
		at := len("sha256=") + digit
		s[at] = "0123456789abcdef"[(strings.IndexByte("0123456789abcdef", s[at])+1)%16]
		cases = append(cases, c.with("X-Hub-Signature-256", string(s)).want(http.StatusUnauthorized, "unauthorized"))
	}
	legacy := d.job("a SHA-1 signature alone").with("X-Hub-Signature-256", "").with("X-Hub-Signature", sha1)
	spoilt := d.job("a body changed after signing")
	spoilt.Body = append(spoilt.Body, ' ')
	form := d.job("a form with the signature of its payload alone")
	signature := form.Header.Get("X-Hub-Signature-256")
	form = form.form(d.secret).with("X-Hub-Signature-256", signature)
	both := d.job("a good signature beside a bad one")
	both.Header["X-Hub-Signature-256"] = append(both.Header["X-Hub-Signature-256"], other)
	for _, c := range []Case{legacy, spoilt, form, both, d.job("no signature and an invalid dry-run", Unset("action")).with("X-Hub-Signature-256", "").query("dry-run=x")} {
		cases = append(cases, c.want(http.StatusUnauthorized, "unauthorized"))
	}
	return cases
}

func invalid(d *drafts) []Case {
	bad := func(c Case, reason string) Case { return c.want(http.StatusBadRequest, "invalid").reason(reason) }
	cases := []Case{
		bad(d.job("no event header").with("X-Github-Event", ""), "X-GitHub-Event"),
		bad(d.event("malformed JSON", "workflow_job", []byte(`{"action": "queued",`)), "not JSON"),
		bad(d.event("JSON with something behind it", "workflow_job", append(Payload(), "}"...)), "not JSON"),
		bad(d.event("malformed JSON of another event", "push", []byte("nothing")), "not JSON"),
		bad(d.event("no body", "workflow_job", nil), "empty"),
		bad(d.event("an array", "workflow_job", []byte("[]")), "want object"),
		bad(d.event("null", "workflow_job", []byte("null")), "action is missing"),
		bad(d.event("an empty object", "workflow_job", []byte("{}")), "workflow_job.id is missing"),
		bad(d.event("a form with an empty payload", "workflow_job", nil).form(d.secret), "empty"),
	}
	for _, path := range []string{
		"action", "workflow_job", "workflow_job.id", "workflow_job.labels", "repository", "repository.name", "repository.owner", "repository.owner.login",
	} {
		reason := map[string]string{"workflow_job": "workflow_job.id", "repository": "repository.name", "repository.owner": "repository.owner.login"}[path]
		if reason == "" {
			reason = path
		}
		cases = append(cases, bad(d.job(path+" is missing", Unset(path)), reason), bad(d.job(path+" is null", Set(path, nil)), reason))
	}
	for _, v := range []struct {
		path  string
		value any
	}{
		{"action", ""},
		{"action", 1},
		{"workflow_job", "x"},
		{"workflow_job.id", 0},
		{"workflow_job.id", -5},
		{"workflow_job.id", "5"},
		{"workflow_job.id", 1.5},
		{"workflow_job.id", 1e300},
		{"workflow_job.run_attempt", -1},
		{"workflow_job.run_attempt", "1"},
		{"workflow_job.labels", "linux"},
		{"workflow_job.labels", []any{1}},
		{"workflow_job.labels", map[string]any{}},
		{"repository.name", ""},
		{"repository.name", ".."},
		{"repository.name", "."},
		{"repository.name", "a/b"},
		{"repository.name", "a b"},
		{"repository.name", "a?b"},
		{"repository.name", strings.Repeat("a", 101)},
		{"repository.name", true},
		{"repository.owner.login", ".."},
		{"repository.owner.login", "a/../b"},
		{"repository.owner.login", "é"},
		{"repository.owner.login", "a%2fb"},
	} {
		cases = append(cases, bad(d.job(fmt.Sprintf("%s is %.20q", v.path, fmt.Sprint(v.value)), Set(v.path, v.value)), v.path))
	}
	for _, query := range []string{"dry-run=", "dry-run", "dry-run=1", "dry-run=TRUE", "dry-run=yes", "dry-run=true&dry-run=false", "dry-run=false&dry-run=true"} {
		cases = append(cases, bad(d.job("the query "+query).query(query), "dry-run"))
	}
	for _, f := range []struct{ body, reason string }{
		{"other=1", "no parameter payload"}, {"payload=%zz", "escaped"}, {"payload=%7", "escaped"}, {"payload=%7B%", "escaped"},
	} {
		form := d.event("the form "+f.body, "workflow_job", nil).form(d.secret)
		form.Body = []byte(f.body)
		cases = append(cases, bad(form.with("X-Hub-Signature-256", Sign(d.secret, form.Body)), f.reason))
	}
	return append(cases,
		bad(d.event("an invalid dry-run of another event", "ping", Example("ping-0-none")).query("dry-run=maybe"), "dry-run"))
}

func ignored(d *drafts) []Case {
	hosted := []string{"ubuntu-latest"}
	cases := []Case{
		d.event("a ping", "ping", Example("ping-0-none")).reason("ping"),
		d.event("another event", "workflow_run", []byte(`{"action":"requested"}`)).reason("workflow_run"),
		d.event("a ping by hand", "ping", Example("ping-0-none")).byHand().dry(true).reason("ping"),
		d.event("a ping as a form", "ping", Example("ping-0-none")).form(d.secret).reason("ping"),
		d.job("a job that waits for an approval", Set("action", "waiting")).reason("waiting"),
		d.job("an action that nobody knows", Set("action", "frozen")).reason("frozen"),
		d.job("a job for GitHub's own machines", Set("workflow_job.labels", hosted)).reason("ubuntu-latest"),
		d.job("a started job of GitHub's own machines", Set("action", "in_progress"), Set("workflow_job.labels", hosted)).reason("ubuntu-latest"),
		d.job("labels of two types", Set("workflow_job.labels", []string{"linux", "macOS"})).reason("linux, macOS"),
		d.job("no labels", Set("workflow_job.labels", []string{})).reason("no labels"),
		d.job("labels that are null", Set("workflow_job.labels", []any{nil})).reason("no labels"),
		d.job("a dry run of a job for GitHub's own machines", Set("workflow_job.labels", hosted)).query("dry-run=true").dry(false).reason("ubuntu-latest"),
	}
	for i := range cases {
		cases[i] = cases[i].want(http.StatusOK, "ignored")
	}
	elsewhere := []Edit{Set("repository.owner.login", "somebody")}
	for _, c := range []Case{
		d.job("a repository that is not allowed", elsewhere...),
		d.job("a started job of a repository that is not allowed", append(elsewhere, Set("action", "in_progress"))...),
		d.job("a dry run of a repository that is not allowed", elsewhere...).byHand().dry(true),
		d.job("a repository whose owner begins like an allowed one", Set("repository.owner.login", "Octocoders2")),
	} {
		cases = append(cases, c.want(http.StatusOK, "denied").reason("not allowed"))
	}
	return cases
}

func noted(d *drafts) []Case {
	started := d.job("a job that started", Set("action", "in_progress"), Set("workflow_job.runner_name", "grp-ubuntu-arm64-1-1"))
	ended := d.job("a job that ended", Set("action", "completed"), Set("workflow_job.conclusion", "success"))
	null := d.job("a job that ended, with a label that is null", Set("action", "completed"), Set("workflow_job.labels", []any{nil, "ubuntu-arm64"}))
	started.WantRecorded, ended.WantRecorded, null.WantRecorded = true, true, true
	cases := []Case{
		started, ended, null,
		d.job("a dry run of a job that started", Set("action", "in_progress")).byHand().dry(true).reason("dry run"),
		d.job("a dry run of a job that ended", Set("action", "completed")).query("dry-run=true").dry(false).reason("dry run"),
	}
	for i := range cases {
		cases[i] = cases[i].want(http.StatusOK, "recorded").runnerType("ubuntu-arm64")
	}
	return cases
}

func planned(d *drafts) []Case {
	mac := d.job("a request by hand for a Mac", Set("workflow_job.labels", []string{"self-hosted", "macOS", "ARM64"})).byHand().dry(true)
	again := d.job("a dry run of a second attempt", Set("workflow_job.run_attempt", 2)).query("dry-run=true").dry(false)
	cases := []Case{
		d.job("a request by hand").byHand().dry(true),
		d.job("a request by hand, as a form").byHand().form(d.secret).dry(true),
		d.job("a request without a User-Agent").with("User-Agent", "").dry(true),
		d.job("a User-Agent that only mentions GitHub's").with("User-Agent", "x GitHub-Hookshot/1").dry(true),
		d.job("a dry run by hand").byHand().query("dry-run=true").dry(false),
		d.job("a dry run from GitHub").query("dry-run=true").dry(false),
		d.job("a dry run, said twice").byHand().query("dry-run=true&dry-run=true").dry(false),
		mac, again,
	}
	for i, c := range cases {
		c = c.want(http.StatusOK, "planned").runnerType("ubuntu-arm64")
		c.WantRunner = fmt.Sprintf("grp-ubuntu-arm64-%d-1", c.WantJob)
		switch c.Name {
		case mac.Name:
			c = c.runnerType("macOS-arm64")
			c.WantRunner = fmt.Sprintf("grp-macOS-arm64-%d-1", c.WantJob)
		case again.Name:
			c.WantRunner = fmt.Sprintf("grp-ubuntu-arm64-%d-2", c.WantJob)
		}
		cases[i] = c
	}
	return cases
}

func accepted(d *drafts) []Case {
	upper := d.job("a signature in upper case")
	upper = upper.with("X-Hub-Signature-256", "sha256="+strings.ToUpper(strings.TrimPrefix(upper.Header.Get("X-Hub-Signature-256"), "sha256=")))
	mac := d.job("a job for a Mac", Set("workflow_job.labels", []string{"macOS-arm64"}))
	cases := []Case{
		d.job("a job"),
		d.job("a job as a form").form(d.secret),
		d.job("a job in earnest by hand").byHand().query("dry-run=false"),
		d.job("a job in earnest, said by GitHub").query("dry-run=false"),
		d.job("a content type with a parameter").with("Content-Type", "application/json; charset=utf-8"),
		d.job("a content type in capitals").with("Content-Type", "Application/JSON"),
		d.job("a SHA-1 signature beside the good one").with("X-Hub-Signature", "sha1=0123456789abcdef0123456789abcdef01234567"),
		d.job("an approved job, still waiting by its status", Set("workflow_job.status", "waiting"), Set("deployment", map[string]any{"id": 1})),
		d.job("labels in another case", Set("workflow_job.labels", []string{"Self-Hosted", "LINUX", "Ubuntu-ARM64"})),
		d.job("a repository in another case than the allow-list's", Set("repository.owner.login", "octocoders")),
		d.job("a second attempt", Set("workflow_job.run_attempt", 2)),
		d.job("an old delivery without the newer fields", Unset("workflow_job.run_attempt"), Unset("workflow_job.created_at"),
			Unset("workflow_job.workflow_name"), Unset("workflow_job.head_branch")),
		d.job("the attempt 0 of a forge that does not count them", Set("workflow_job.run_attempt", 0)),
		d.job("a date that nobody can read", Set("workflow_job.created_at", "yesterday")),
		d.job("other parameters in the query").query("x=1&y"),
		mac, upper,
	}
	for i, c := range cases {
		cases[i] = c.want(http.StatusAccepted, "queued").runnerType("ubuntu-arm64")
		cases[i].WantStored = true
		if c.Name == mac.Name {
			cases[i].WantType = "macOS-arm64"
		}
	}
	again := d.job("the same job again").want(http.StatusAccepted, "queued", "duplicate").runnerType("ubuntu-arm64")
	again.Times, again.WantStored = 2, true
	broken := d.job("a queue that can't store").want(http.StatusServiceUnavailable, "unavailable").runnerType("ubuntu-arm64")
	broken.QueueFails = true
	return append(cases, again, broken)
}
