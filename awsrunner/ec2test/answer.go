package ec2test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

const requestID = "00000000-0000-0000-0000-000000000000"

// apiError is EC2's answer when it does not do what it is asked to. The codes are those of
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html.
type apiError struct {
	status        int
	code, message string
}

func invalid(code, format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func dryRun() *apiError {
	return &apiError{http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
}

func unknownInstance(id string) *apiError {
	return invalid("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
}

func answer(w http.ResponseWriter, out any, err *apiError) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	if err != nil {
		type item struct{ Code, Message string }
		out = struct {
			XMLName   xml.Name `xml:"Response"`
			Errors    []item   `xml:"Errors>Error"`
			RequestID string
		}{Errors: []item{{err.code, err.message}}, RequestID: requestID}
		w.WriteHeader(err.status)
	}
	_, _ = w.Write([]byte(xml.Header))
	_ = xml.NewEncoder(w).Encode(out)
}

// listed reads name.1, name.2, ... of a form.
func listed(form url.Values, name string) (out []string) {
	for n := 1; form.Has(name + "." + strconv.Itoa(n)); n++ {
		out = append(out, form.Get(name+"."+strconv.Itoa(n)))
	}
	return out
}
