package ec2test

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The limits of RunInstances.
const (
	maxUserData    = 16 << 10 // bytes, before base64
	maxClientToken = 64
	maxHopLimit    = 64
)

// run answers RunInstances.
func (e *Server) run(form url.Values) (any, *apiError) {
	if !e.takeToken() {
		return nil, &apiError{http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded."}
	}
	i, err := newInstance(form)
	if err != nil {
		return nil, err
	}
	if form.Get("DryRun") == "true" {
		return nil, dryRun()
	}
	if before := e.byToken(i); before != nil {
		before.settle()
		switch {
		case before.Params.Encode() != form.Encode():
			return nil, invalid("IdempotentParameterMismatch", "The client token was used with other parameters")
		case !before.Alive():
			return nil, invalid("IdempotentInstanceTerminated", "The instance of this client token is terminated")
		}
		return before.launched(), nil
	}
	if e.capacity != nil {
		if code := e.capacity(i.Type, i.Subnet, i.Spot); code != "" {
			err := invalid(code, "There is no room for your request here")
			if strings.HasPrefix(code, "Insufficient") && code != "InsufficientFreeAddressesInSubnet" {
				err.status = http.StatusInternalServerError
			}
			return nil, err
		}
	}
	i.ID = fmt.Sprintf("i-%017x", len(e.instances)+1)
	e.instances = append(e.instances, i)
	return i.launched(), nil
}

// newInstance reads a request, and refuses what is wrong beyond the types of its parameters.
func newInstance(form url.Values) (*Instance, *apiError) {
	userData, err := base64.StdEncoding.DecodeString(form.Get("UserData"))
	hops, _ := strconv.Atoi(form.Get("MetadataOptions.HttpPutResponseHopLimit"))
	switch {
	case form.Get("ImageId") == "" && !form.Has("LaunchTemplate.LaunchTemplateId") && !form.Has("LaunchTemplate.LaunchTemplateName"):
		return nil, invalid("MissingParameter", "The request must contain the parameter ImageId")
	case err != nil:
		return nil, invalid("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	case len(userData) > maxUserData:
		return nil, invalid("InvalidParameterValue", "User data is limited to %d bytes", maxUserData)
	case form.Get("MinCount") != "1" || form.Get("MaxCount") != "1":
		return nil, invalid("InvalidParameterValue", "this fake launches one instance a call")
	case len(form.Get("ClientToken")) > maxClientToken:
		return nil, invalid("InvalidParameterValue", "Invalid value for clientToken; it must be %d ASCII characters or less", maxClientToken)
	case form.Has("MetadataOptions.HttpPutResponseHopLimit") && (hops < 1 || hops > maxHopLimit):
		return nil, invalid("InvalidParameterValue", "A value of %d is not valid for HttpPutResponseHopLimit: 1 to %d", hops, maxHopLimit)
	}
	tags, refused := tagsOf(form)
	if refused != nil {
		return nil, refused
	}
	return &Instance{
		Type: form.Get("InstanceType"), Subnet: form.Get("SubnetId"), Spot: form.Get("InstanceMarketOptions.MarketType") == "spot",
		ClientToken: form.Get("ClientToken"), UserData: string(userData), Params: form, LaunchedAt: time.Now(), State: "pending",
		Tags: tags["instance"], VolumeTags: tags["volume"],
	}, nil
}

// byToken finds the instance that a client token made. Tokens are kept by zone where the request
// names a subnet, and by region otherwise; each subnet of a fake is a zone of its own.
func (e *Server) byToken(i *Instance) *Instance {
	for _, x := range e.instances {
		if i.ClientToken != "" && x.ClientToken == i.ClientToken && x.Subnet == i.Subnet {
			return x
		}
	}
	return nil
}

// takeToken takes one from the bucket of RunInstances, if there is a bucket.
func (e *Server) takeToken() bool {
	if e.cfg.LaunchRate == 0 {
		return true
	}
	now := time.Now()
	e.tokens = min(e.tokens+now.Sub(e.filled).Seconds()*e.cfg.LaunchRate, float64(e.cfg.LaunchBurst))
	e.filled = now
	if e.tokens < 1-1e-9 {
		return false
	}
	e.tokens--
	return true
}

func (i *Instance) launched() any {
	type reservation xmlReservation
	return struct {
		XMLName xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ RunInstancesResponse"`
		Request string   `xml:"requestId"`
		reservation
	}{Request: requestID, reservation: reservation(i.reservation())}
}
