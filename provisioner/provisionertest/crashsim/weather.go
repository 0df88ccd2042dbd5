package crashsim

import (
	"net/http"
	"strconv"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// weather is how likely each fault is in a history.
type weather struct {
	dropped, lost, late, failing, limited float64 // of a call
	noCapacity                            float64 // of a placement, for a minute
	killed                                bool
	bootFails, cancelled, lostWebhook     float64
	redelivered, access                   float64
	lag                                   time.Duration // of GitHub's API, at the most
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
		noCapacity: some(0.6, "capacity"), killed: f.chance(0.8, "killed"), cancelled: some(0.5, "cancelled"),
		redelivered: some(1, "redelivered"), access: some(0.8, "access"),
	}
	if f.chance(0.6, "API lags") {
		w.lag = 20 * time.Second
	}
	if o.Reconcile {
		w.bootFails, w.lostWebhook = some(0.4, "boot"), some(0.7, "webhook")
	}
	return w
}

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
			f.Body = `<Response><Errors><Error><Code>InternalError</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>`
		}
		if changes && w.chance(0.5, "failed late", at) {
			return &fakehttp.Fault{Lose: true} // it had its effect
		}
		return f
	}
	return nil
}

func (w *world) githubFaults(operation string, r *http.Request) *fakehttp.Fault {
	changes := r.Method != http.MethodGet
	f := w.fault(operation, r.URL.Path, changes)
	if f == nil && !w.calm.Load() && w.chance(w.weather.limited, "limited", operation, r.URL.Path, w.nth("limit"+operation)) {
		seconds := int(w.within(time.Second, 90*time.Second, "limit", operation, w.nth("limited")).Seconds()) + 1
		f = &fakehttp.Fault{
			Status: []int{http.StatusForbidden, http.StatusTooManyRequests}[w.pick(2, "limit status", operation, seconds)],
			Header: http.Header{"Retry-After": {strconv.Itoa(seconds)}, "Content-Type": {"application/json"}},
			Body:   `{"message":"You have exceeded a secondary rate limit","documentation_url":"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`,
		}
	}
	w.noteCall("GitHub", operation+" "+r.URL.Path, f)
	return f
}

func (w *world) ec2Faults(operation string, r *http.Request) *fakehttp.Fault {
	f := w.fault(operation, "ec2", operation != "DescribeInstances")
	w.noteCall("EC2", operation, f)
	arrives := f == nil || f.Lose || f.Status == 0 && !f.Drop
	if operation == "TerminateInstances" && arrives {
		w.judgeTermination(provisioner.Deployment(r.Header.Get(deploymentHeader)), r.FormValue("InstanceId.1"))
	}
	if operation == "RunInstances" && arrives {
		w.judgeLaunch(r.Form)
	}
	return f
}

func (w *world) noteCall(where, what string, f *fakehttp.Fault) {
	switch {
	case f == nil:
		w.note("%s: %s", where, what)
	case f.Drop:
		w.note("%s: %s is lost on its way", where, what)
	case f.Lose:
		w.note("%s: %s works, and its answer is lost", where, what)
	case f.Status != 0:
		w.note("%s: %s fails with %d", where, what, f.Status)
	default:
		w.note("%s: %s takes %s", where, what, f.Delay.Round(time.Second))
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
