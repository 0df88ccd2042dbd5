package ec2test

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// Config of a fake EC2. The zero value is an EC2 without lag or limits.
type Config struct {
	// VisibilityLag is how long a new instance is missing from DescribeInstances.
	VisibilityLag time.Duration
	// LaunchRate (a second) and LaunchBurst are the token bucket of RunInstances, dry runs
	// included: 2 and 5 at the real EC2. 0 means no limit.
	LaunchRate  float64
	LaunchBurst int
	// PageSize is the most instances on a page of DescribeInstances, whatever MaxResults asks for.
	// Defaults to 1000.
	PageSize int
}

// Server is a fake of EC2's query API, as far as looking at images and launching, finding and
// ending instances goes, with the real one's semantics: client tokens that are zonal where a subnet
// is given, lists that lag, terminated instances that stay in them for an hour and are unknown
// then, capacity errors that come as 500, dry runs that come as errors. It refuses parameters and
// values that EC2's own API model does not have, so that a client that drifts is noticed, and
// requests that are not signed; signatures are not checked. It launches one instance a call.
//
// It is an [http.Handler]; serve it with httptest, or through [fakehttp.Loopback] in a
// testing/synctest bubble. All methods are safe for concurrent use.
type Server struct {
	cfg Config

	mu        sync.Mutex
	faults    fakehttp.Faults
	capacity  func(instanceType, subnet string, spot bool) string
	instances []*Instance
	images    map[string]Image
	calls     map[string]int
	tokens    float64
	filled    time.Time
}

// Instance is an instance of a fake EC2.
type Instance struct {
	ID          string
	State       string // pending, running, shutting-down, terminated, stopped
	Type        string
	Subnet      string
	Spot        bool
	ClientToken string
	Tags        map[string]string
	VolumeTags  map[string]string
	UserData    string     // decoded
	Params      url.Values // the request that made it
	LaunchedAt  time.Time
	EndedAt     time.Time // when it began to end; zero while it lives
	StateReason string    // why it ended: Client.InstanceInitiatedShutdown, or Client.UserInitiatedShutdown after a call
}

// Alive reports whether the instance costs money or may do so again: one that is stopped has a
// volume still.
func (i Instance) Alive() bool { return i.State != "shutting-down" && i.State != "terminated" }

// New returns a fake EC2 without instances.
func New(cfg Config) *Server {
	cfg.PageSize = cmp.Or(cfg.PageSize, 1000)
	return &Server{cfg: cfg, calls: make(map[string]int), images: make(map[string]Image), tokens: float64(cfg.LaunchBurst), filled: time.Now()}
}

// SetFaults decides what goes wrong from now on. Operations are the names of actions, such as
// RunInstances.
func (e *Server) SetFaults(f fakehttp.Faults) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = f
}

// SetCapacity decides where there is room: f returns "" where there is, or the error code, such as
// InsufficientInstanceCapacity or VcpuLimitExceeded.
func (e *Server) SetCapacity(f func(instanceType, subnet string, spot bool) (code string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.capacity = f
}

// Instances returns copies of all instances ever made, in the order of their launch.
func (e *Server) Instances() []Instance {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Instance, 0, len(e.instances))
	for _, i := range e.instances {
		i.settle()
		x := *i
		x.Tags, x.VolumeTags, x.Params = maps.Clone(i.Tags), maps.Clone(i.VolumeTags), maps.Clone(i.Params)
		out = append(out, x)
	}
	return out
}

// Shutdown is a machine that shuts itself down: it is terminated or, if it was launched without
// InstanceInitiatedShutdownBehavior=terminate, stopped, and then its volume costs money for ever.
func (e *Server) Shutdown(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := e.find(id)
	if i == nil || !i.EndedAt.IsZero() {
		return
	}
	if i.State = "stopped"; i.Params.Get("InstanceInitiatedShutdownBehavior") == "terminate" {
		i.State, i.EndedAt, i.StateReason = "terminated", time.Now(), "Client.InstanceInitiatedShutdown"
	}
}

// Calls counts the calls by action, failed ones included.
func (e *Server) Calls() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.calls)
}

// settle lets time pass on an instance.
func (i *Instance) settle() {
	const boots, ends = 10 * time.Second, 20 * time.Second
	switch {
	case i.State == "pending" && time.Since(i.LaunchedAt) > boots:
		i.State = "running"
	case i.State == "shutting-down" && time.Since(i.EndedAt) > ends:
		i.State = "terminated"
	}
}

// ServeHTTP implements [http.Handler].
func (e *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := errors.Join(err, r.ParseForm()); err != nil {
		answer(w, nil, invalid("MalformedQueryString", "%v", err))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	action := r.PostForm.Get("Action")
	e.mu.Lock()
	faults := e.faults
	e.calls[action]++
	e.mu.Unlock()
	faults.Serve(action, w, r, func(w http.ResponseWriter, r *http.Request) {
		out, err := e.act(action, r)
		answer(w, out, err)
	}, func(w http.ResponseWriter, status int, message string) {
		answer(w, nil, &apiError{status, "InvalidParameterValue", message})
	})
}

func (e *Server) act(action string, r *http.Request) (any, *apiError) {
	for _, part := range []string{"AWS4-HMAC-SHA256 ", "Credential=", "SignedHeaders=", "Signature="} {
		if !strings.Contains(r.Header.Get("Authorization"), part) {
			return nil, &apiError{http.StatusUnauthorized, "AuthFailure", "AWS was not able to validate the provided access credentials"}
		}
	}
	form := r.PostForm
	if err := api().check(action, form); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch action {
	case "RunInstances":
		return e.run(form)
	case "DescribeInstances":
		return e.describe(form)
	case "DescribeImages":
		return e.describeImages(form)
	default:
		return e.terminate(form)
	}
}

// terminate answers TerminateInstances: it ends all instances of the request or, if it does not
// know one of them, none.
func (e *Server) terminate(form url.Values) (any, *apiError) {
	type change struct {
		ID       string        `xml:"instanceId"`
		Current  instanceState `xml:"currentState"`
		Previous instanceState `xml:"previousState"`
	}
	var instances []*Instance
	for _, id := range listed(form, "InstanceId") {
		i := e.find(id)
		if i == nil || i.forgotten() {
			return nil, unknownInstance(id)
		}
		instances = append(instances, i)
	}
	if form.Get("DryRun") == "true" {
		return nil, dryRun()
	}
	var changes []change
	for _, i := range instances {
		i.settle()
		before := i.State
		if i.EndedAt.IsZero() {
			i.State, i.EndedAt, i.StateReason = "shutting-down", time.Now(), "Client.UserInitiatedShutdown"
		}
		changes = append(changes, change{i.ID, newInstanceState(i.State), newInstanceState(before)})
	}
	return struct {
		XMLName xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ TerminateInstancesResponse"`
		ID      string   `xml:"requestId"`
		Set     []change `xml:"instancesSet>item"`
	}{ID: requestID, Set: changes}, nil
}

func (e *Server) find(id string) *Instance {
	n := slices.IndexFunc(e.instances, func(i *Instance) bool { return i.ID == id })
	if n < 0 {
		return nil
	}
	return e.instances[n]
}

// forgotten reports whether EC2 knows the instance no more: an hour after its end.
func (i *Instance) forgotten() bool {
	return !i.EndedAt.IsZero() && time.Since(i.EndedAt) > time.Hour
}

// instanceState is an instance's state as EC2 writes it.
type instanceState struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

func newInstanceState(name string) instanceState {
	states := []string{"pending", "running", "shutting-down", "terminated", "stopping", "stopped"}
	return instanceState{Code: 16 * slices.Index(states, name), Name: name}
}
