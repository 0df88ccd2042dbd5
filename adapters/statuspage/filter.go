package statuspage

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/datawire/github-runner-provisioner/provisioner/journal"
)

// states are those a job can be in, in the order of its life.
var states = []journal.State{
	journal.Waiting, journal.Launching, journal.Booting, journal.Running, journal.Ended, journal.Gone, journal.Denied, journal.Ignored, journal.GivenUp,
}

// filter says which jobs are wanted. The zero value wants all.
type filter struct {
	states          []journal.State
	runnerType      string
	repository      string
	limit, offset   int // a limit of 0 means none
	lowerRepository string
}

// filterOf reads a filter from parameters. Those it does not know mean nothing.
func filterOf(q url.Values) (f filter, err error) {
	f.runnerType, f.repository = strings.TrimSpace(q.Get("type")), strings.TrimSpace(q.Get("repository"))
	f.lowerRepository = strings.ToLower(f.repository)
	if _, err := path.Match(f.lowerRepository, ""); err != nil {
		return f, fmt.Errorf("repository=%q is no pattern: * stands for anything but a slash, [ab] for one of some characters", f.repository)
	}
	for _, given := range q["state"] {
		for s := range strings.SplitSeq(given, ",") {
			state := journal.State(strings.TrimSpace(s))
			switch {
			case state == "":
			case slices.Contains(states, state):
				f.states = append(f.states, state)
			default:
				return f, fmt.Errorf("state=%q is no state: there are %s", string(state), strings.Trim(fmt.Sprint(states), "[]"))
			}
		}
	}
	if f.limit, err = count(q, "limit", 1); err != nil {
		return f, err
	}
	f.offset, err = count(q, "offset", 0)
	return f, err
}

func count(q url.Values, name string, least int) (int, error) {
	given := q.Get(name)
	if given == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < least {
		return 0, fmt.Errorf("%s=%q is no number from %d on", name, given, least)
	}
	return n, nil
}

// wants reports whether a job is wanted.
func (f filter) wants(j journal.Job) bool {
	if len(f.states) > 0 && !slices.Contains(f.states, j.State) || f.runnerType != "" && f.runnerType != j.Type {
		return false
	}
	if f.repository == "" {
		return true
	}
	match, err := path.Match(f.lowerRepository, strings.ToLower(j.Repository.String()))
	return err == nil && match
}

// params are the filter's parameters as they were, but for where the list begins.
func (f filter) params(offset int) []string {
	var params []string
	for _, s := range f.states {
		params = append(params, "state", string(s))
	}
	add := func(name, value string) {
		if value != "" && value != "0" {
			params = append(params, name, value)
		}
	}
	add("type", f.runnerType)
	add("repository", f.repository)
	if f.limit != shown {
		add("limit", strconv.Itoa(f.limit))
	}
	add("offset", strconv.Itoa(offset))
	return params
}

// some reports whether not all are wanted.
func (f filter) some() bool { return len(f.states) > 0 || f.runnerType != "" || f.repository != "" }

func (f filter) stateList() string {
	names := make([]string, len(f.states))
	for i, s := range f.states {
		names[i] = string(s)
	}
	return strings.Join(names, ",")
}

func (f filter) stateWords() string { return strings.ReplaceAll(word(f.stateList()), ",", " or ") }
