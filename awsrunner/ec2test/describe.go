package ec2test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type xmlInstance struct {
	ID         string        `xml:"instanceId"`
	Image      string        `xml:"imageId"`
	State      instanceState `xml:"instanceState"`
	Type       string        `xml:"instanceType"`
	LaunchTime string        `xml:"launchTime"`
	Subnet     string        `xml:"subnetId,omitempty"`
	Lifecycle  string        `xml:"instanceLifecycle,omitempty"`
	Reason     *stateReason  `xml:"stateReason"`
	Token      string        `xml:"clientToken,omitempty"`
	Tags       []xmlTag      `xml:"tagSet>item"`
}

type stateReason struct {
	Code string `xml:"code"`
}

type xmlTag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type xmlReservation struct {
	ID    string        `xml:"reservationId"`
	Owner string        `xml:"ownerId"`
	Set   []xmlInstance `xml:"instancesSet>item"`
}

func (i *Instance) reservation() xmlReservation {
	x := xmlInstance{
		ID: i.ID, Image: i.Params.Get("ImageId"), State: newInstanceState(i.State), Type: i.Type, LaunchTime: i.LaunchedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		Subnet: i.Subnet, Token: i.ClientToken,
	}
	if i.StateReason != "" {
		x.Reason = &stateReason{i.StateReason}
	}
	if i.Spot {
		x.Lifecycle = "spot"
	}
	for _, k := range slices.Sorted(maps.Keys(i.Tags)) {
		x.Tags = append(x.Tags, xmlTag{k, i.Tags[k]})
	}
	return xmlReservation{ID: "r-" + strings.TrimPrefix(i.ID, "i-"), Owner: "000000000000", Set: []xmlInstance{x}}
}

// visible reports whether lists show the instance.
func (e *Server) visible(i *Instance) bool {
	return time.Since(i.LaunchedAt) >= e.cfg.VisibilityLag && !i.forgotten()
}

// describe answers DescribeInstances.
func (e *Server) describe(form url.Values) (any, *apiError) {
	filters, err := filtersOf(form)
	if err != nil {
		return nil, err
	}
	ids := listed(form, "InstanceId")
	for _, id := range ids {
		if i := e.find(id); i == nil || !e.visible(i) {
			return nil, unknownInstance(id)
		}
	}
	if form.Get("DryRun") == "true" {
		return nil, dryRun()
	}
	var found []*Instance
	for _, i := range e.instances {
		i.settle()
		if e.visible(i) && (len(ids) == 0 || slices.Contains(ids, i.ID)) && !slices.ContainsFunc(filters, func(f filter) bool { return !f.passes(i) }) {
			found = append(found, i)
		}
	}
	from, to, err := e.pageOf(form, found)
	if err != nil {
		return nil, err
	}
	out := struct {
		XMLName xml.Name         `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeInstancesResponse"`
		Request string           `xml:"requestId"`
		Set     []xmlReservation `xml:"reservationSet>item"`
		Next    string           `xml:"nextToken,omitempty"`
	}{Request: requestID}
	for _, i := range found[from:to] {
		out.Set = append(out.Set, i.reservation())
	}
	if to < len(found) {
		out.Next = "after-" + found[to-1].ID
	}
	return out, nil
}

// pageOf finds a page's place among what was found. A token names the instance that the page before
// ended with, which may have gone since.
func (e *Server) pageOf(form url.Values, found []*Instance) (from, to int, err *apiError) {
	size := e.cfg.PageSize
	if form.Has("MaxResults") {
		n, _ := strconv.Atoi(form.Get("MaxResults"))
		switch {
		case form.Has("InstanceId.1"):
			return 0, 0, invalid("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
		case n < 5 || n > 1000:
			return 0, 0, invalid("InvalidParameterValue", "Value (%d) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", n)
		}
		size = min(size, n)
	}
	if token := form.Get("NextToken"); token != "" {
		last, ok := strings.CutPrefix(token, "after-")
		if !ok || e.find(last) == nil {
			return 0, 0, invalid("InvalidNextToken", "The token '%s' is invalid", token)
		}
		if from = slices.IndexFunc(found, func(i *Instance) bool { return i.ID > last }); from < 0 { // ids grow
			from = len(found)
		}
	}
	return from, min(from+size, len(found)), nil
}

// filter is a filter of DescribeInstances: one of its values must match.
type filter struct {
	have   func(i *Instance) (value string, ok bool)
	values []*regexp.Regexp
}

func (f filter) passes(i *Instance) bool {
	have, ok := f.have(i)
	return ok && slices.ContainsFunc(f.values, func(r *regexp.Regexp) bool { return r.MatchString(have) })
}

func filtersOf(form url.Values) (filters []filter, err *apiError) {
	for n := 1; form.Has(fmt.Sprintf("Filter.%d.Name", n)); n++ {
		name := form.Get(fmt.Sprintf("Filter.%d.Name", n))
		var f filter
		key, isTag := strings.CutPrefix(name, "tag:")
		switch {
		case isTag:
			f.have = func(i *Instance) (string, bool) { v, ok := i.Tags[key]; return v, ok }
		case name == "instance-state-name":
			f.have = func(i *Instance) (string, bool) { return i.State, true }
		case name == "instance-id":
			f.have = func(i *Instance) (string, bool) { return i.ID, true }
		case name == "client-token":
			f.have = func(i *Instance) (string, bool) { return i.ClientToken, true }
		default:
			return nil, invalid("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		for _, v := range listed(form, fmt.Sprintf("Filter.%d.Value", n)) {
			f.values = append(f.values, wildcard(v))
		}
		filters = append(filters, f)
	}
	return filters, nil
}

// wildcard is a value of a filter: * stands for any text, ? for one character, a backslash takes
// their meaning away.
func wildcard(value string) *regexp.Regexp {
	replace := strings.NewReplacer(`\\\*`, `\*`, `\\\?`, `\?`, `\*`, `.*`, `\?`, `.`)
	return regexp.MustCompile(`^(?s:` + replace.Replace(regexp.QuoteMeta(value)) + `)$`)
}
