package provisionertest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

const ec2RequestID = "00000000-0000-0000-0000-000000000000"

// ec2Error is EC2's answer when it does not do what it is asked to. The codes are those of
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html.
type ec2Error struct {
	status        int
	code, message string
}

func invalid(code, format string, args ...any) *ec2Error {
	return &ec2Error{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func dryRun() *ec2Error {
	return &ec2Error{http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
}

func unknownInstance(id string) *ec2Error {
	return invalid("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
}

func answerEC2(w http.ResponseWriter, out any, err *ec2Error) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	if err != nil {
		type item struct{ Code, Message string }
		out = struct {
			XMLName   xml.Name `xml:"Response"`
			Errors    []item   `xml:"Errors>Error"`
			RequestID string
		}{Errors: []item{{err.code, err.message}}, RequestID: ec2RequestID}
		w.WriteHeader(err.status)
	}
	_, _ = w.Write([]byte(xml.Header))
	_ = xml.NewEncoder(w).Encode(out)
}

// ec2List reads name.1, name.2, ... of a form.
func ec2List(form url.Values, name string) (out []string) {
	for n := 1; form.Has(name + "." + strconv.Itoa(n)); n++ {
		out = append(out, form.Get(name+"."+strconv.Itoa(n)))
	}
	return out
}
