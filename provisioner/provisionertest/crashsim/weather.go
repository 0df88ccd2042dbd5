package crashsim

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// weather is how likely each fault is in a history.
type weather struct {
	dropped, lost, late, failing, limited float64 // of a call
	noCapacity                            float64 // of a placement, for a minute
	refused, image                        float64 // of a runner type, for three minutes: EC2 refuses its launches; its machines don't come up
	killed                                bool
	bootFails, cancelled, lostWebhook     float64
	redelivered, access, usedUp           float64
	forgets                               float64       // of a message that is received or deleted, where the queue is one that forgets
	lag                                   time.Duration // of GitHub's API, at the most
	// spares is the owner who has nothing but good weather: there is trouble with GitHub alone, and
	// for the other owner alone, so that whatever delays his jobs is somebody else's trouble.
	spares string
}

func newWeather(f *fate, o Options) weather {
	if o.Calm {
		return weather{}
	}
	some := func(most float64, what string) float64 {
		if f.chance(0.4, "fine", what) {
			return 0
		}
		return most * f.roll("weather", what)
	}
	w := weather{
		dropped: some(0.1, "dropped"), lost: some(0.15, "lost"), late: some(0.1, "late"), failing: some(0.1, "failing"), limited: some(0.03, "limited"),
		cancelled: some(0.5, "cancelled"), redelivered: some(1, "redelivered"), access: some(0.8, "access"), usedUp: some(0.6, "used up"),
	}
	if f.chance(0.6, "API lags") {
		w.lag = 20 * time.Second
	}
	if f.chance(0.2, "spares") {
		w.spares, w.usedUp = owners[f.pick(len(owners), "spared")], 0.9
		return w
	}
	w.noCapacity, w.refused, w.killed, w.forgets = some(0.6, "capacity"), some(0.3, "refused"), f.chance(0.8, "killed"), some(0.1, "forgets")
	if o.Reconcile {
		w.bootFails, w.image, w.lostWebhook = some(0.4, "boot"), some(0.4, "image"), some(0.7, "webhook")
	}
	return w
}

// spared reports whether nothing goes wrong for an owner, ever.
func (w *world) spared(owner string) bool { return w.weather.spares != "" && w.weather.spares == owner }

// fault decides the fate of a call. key tells calls apart.
func (w *world) fault(operation, key string, changes bool) *fakehttp.Fault {
	if w.calm.Load() || w.options.Calm {
		return nil
	}
	n := w.nth(operation + key)
	at := []any{operation, key, n}
	x := w.weather
	switch {
	case w.chance(x.dropped, "dropped", at):
		return &fakehttp.Fault{Drop: true}
	case w.chance(x.lost, "lost", at):
		return &fakehttp.Fault{Lose: true}
	case w.chance(x.late, "late", at):
		// Longer than callers wait, so that the effect comes after they gave up; or shorter.
		return &fakehttp.Fault{Delay: w.within(time.Second, 50*time.Second, "lateness", at)}
	case w.chance(x.failing, "failing", at):
		f := &fakehttp.Fault{Status: http.StatusInternalServerError, Body: `{"message":"Server Error","documentation_url":"x"}`}
		if operation[0] >= 'A' && operation[0] <= 'Z' && key == "ec2" {
			f.Body = ec2Error("InternalError")
		}
		if changes && w.chance(0.5, "failed late", at) {
			return &fakehttp.Fault{Lose: true} // it had its effect
		}
		return f
	}
	return nil
}

func (w *world) githubFaults(operation string, r *http.Request) *fakehttp.Fault {
	f := w.githubFault(operation, r)
	method, _, _ := strings.Cut(operation, " ")
	w.noteCall(w.caller(r), "GitHub", method+" "+r.URL.Path, f)
	return f
}

func (w *world) githubFault(operation string, r *http.Request) *fakehttp.Fault {
	if w.weather.spares != "" {
		owner := ownerOf(r)
		if owner == "" || w.spared(owner) {
			return nil
		}
	}
	if f := w.fault(operation, r.URL.Path, r.Method != http.MethodGet); f != nil {
		return f
	}
	if w.calm.Load() || !w.chance(w.weather.limited, "limited", operation, r.URL.Path, w.nth("limit"+operation)) {
		return nil
	}
	seconds := int(w.within(time.Second, 90*time.Second, "limit", operation, w.nth("limited")).Seconds()) + 1
	return &fakehttp.Fault{
		Status: []int{http.StatusForbidden, http.StatusTooManyRequests}[w.pick(2, "limit status", operation, seconds)],
		Header: http.Header{"Retry-After": {strconv.Itoa(seconds)}, "Content-Type": {"application/json"}},
		Body:   `{"message":"You have exceeded a secondary rate limit","documentation_url":"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`,
	}
}

// ownerOf returns whose repository or organisation a request to GitHub is about; "" is nobody's.
func ownerOf(r *http.Request) string {
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if len(part) > 1 && (part[0] == "repos" || part[0] == "orgs") {
		return part[1]
	}
	return ""
}

func (w *world) ec2Faults(operation string, r *http.Request) *fakehttp.Fault {
	f := w.ec2Fault(operation, r)
	w.noteCall(w.caller(r), "EC2", operation, f)
	if arrives := f == nil || f.Lose || f.Status == 0 && !f.Drop; !arrives {
		return f
	}
	switch operation {
	case "TerminateInstances":
		w.judgeTermination(w.caller(r).tenant, r.FormValue("InstanceId.1"))
	case "RunInstances":
		w.judgeLaunch(w.caller(r), r.Form)
	}
	return f
}

func (w *world) ec2Fault(operation string, r *http.Request) *fakehttp.Fault {
	if w.weather.spares != "" {
		return nil
	}
	if f := w.fault(operation, "ec2", operation != "DescribeInstances"); f != nil {
		return f
	}
	if operation == "RunInstances" && w.now(w.weather.refused, "refused", r.FormValue("ImageId")) {
		return &fakehttp.Fault{Status: http.StatusForbidden, Body: ec2Error("UnauthorizedOperation")}
	}
	return nil
}

func ec2Error(code string) string {
	return `<Response><Errors><Error><Code>` + code + `</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>`
}

// now reports whether something that goes wrong for three minutes at a time goes wrong now.
func (w *world) now(p float64, words ...any) bool {
	return !w.calm.Load() && w.chance(p, words, int(time.Since(w.begun)/(3*time.Minute)))
}

func (w *world) noteCall(by *process, where, what string, f *fakehttp.Fault) {
	switch {
	case f == nil:
		w.note("%s: %s: %s", by, where, what)
	case f.Drop:
		w.note("%s: %s: %s is lost on its way", by, where, what)
	case f.Lose:
		w.note("%s: %s: %s works, and its answer is lost", by, where, what)
	case f.Status != 0:
		w.note("%s: %s: %s fails with %d", by, where, what, f.Status)
	default:
		w.note("%s: %s: %s takes %s", by, where, what, f.Delay.Round(time.Second))
	}
}

func (w *world) capacity(instanceType, subnet string, _ bool) string {
	if w.calm.Load() {
		return ""
	}
	minute := int(time.Since(w.begun) / time.Minute)
	if w.chance(w.weather.noCapacity, "capacity", instanceType, subnet, minute) {
		return "InsufficientInstanceCapacity"
	}
	return ""
}
