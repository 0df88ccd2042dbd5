package main

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector is OpenTelemetry's, as far as anybody sends it traces by HTTP. It refuses what is not
// written as the protocol says (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
type collector struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	spans   []span
	service string
	refuse  int // the status of every answer, unless it is 0
	asked   int
}

// span is what is received of one.
type span struct {
	*tracepb.Span

	trace, id, parent string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{t: t}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	data, err := io.ReadAll(body)
	var request collectorpb.ExportTraceServiceRequest
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(data, &request) != nil {
		c.t.Errorf("what is this: %s %s, %s (%v)", r.Method, r.URL, r.Header.Get("Content-Type"), err)
		http.Error(w, "not understood", http.StatusBadRequest)
		return
	}
	if c.refuse != 0 {
		http.Error(w, "no", c.refuse)
		return
	}
	for _, resource := range request.ResourceSpans {
		c.service = attributesOf(resource.Resource.Attributes)["service.name"]
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, span{s, hex.EncodeToString(s.TraceId), hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId)})
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	data, _ = proto.Marshal(&collectorpb.ExportTraceServiceResponse{})
	_, _ = w.Write(data)
}

// received are the spans so far, in the order of their beginnings, a job's own before its stages.
func (c *collector) received() []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(c.spans), func(a, b span) int {
		if a.StartTimeUnixNano != b.StartTimeUnixNano {
			return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano))
		}
		return len(a.parent) - len(b.parent)
	})
}

func (c *collector) requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func names(spans []span) string {
	all := make([]string, len(spans))
	for i, s := range spans {
		all[i] = s.Name
	}
	return strings.Join(all, ", ")
}

func attributesOf(all []*commonpb.KeyValue) map[string]string {
	values := make(map[string]string, len(all))
	for _, a := range all {
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			values[a.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			values[a.Key] = strconv.FormatInt(v.IntValue, 10)
		default:
			values[a.Key] = a.Value.String()
		}
	}
	return values
}
