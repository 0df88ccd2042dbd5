package ec2test_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

func TestEC2RefusesWhatItsModelDoesNotKnow(t *testing.T) {
	const signed = "AWS4-HMAC-SHA256 Credential=id/20261124/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=00"
	for _, c := range []struct {
		authorization, body string
		status              int
		want                string
	}{
		{"", "Action=DescribeInstances&Version=2016-11-15", 401, "AuthFailure"},
		{"Bearer x", "Action=DescribeInstances&Version=2016-11-15", 401, "AuthFailure"},
		{"AWS4-HMAC-SHA256 Credential=id", "Action=DescribeInstances&Version=2016-11-15", 401, "AuthFailure"},
		{signed, "Action=Explode&Version=2016-11-15", 400, "InvalidAction"},
		{signed, "Version=2016-11-15", 400, "InvalidAction"},
		{signed, "Action=DescribeInstances&Version=2001-01-01", 400, "NoSuchVersion"},
		{signed, "Action=RunInstances&Version=2016-11-15&Colour=red", 400, "UnknownParameter"},
		{signed, "Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=1&MetadataOptions.Colour=red", 400, "UnknownParameter"},
		{signed, "Action=RunInstances&Version=2016-11-15&MinCount=1", 400, "MissingParameter"},
		{signed, "Action=RunInstances&Version=2016-11-15&MinCount=one&MaxCount=1", 400, "InvalidParameterValue"},
		{signed, "Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=1&EbsOptimized=perhaps", 400, "InvalidParameterValue"},
		{signed, "Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=1&MetadataOptions=x", 400, "InvalidParameterValue"},
		{signed, "Action=DescribeInstances&Version=2016-11-15&InstanceId.first=i-1", 400, "InvalidParameterValue"},
		{signed, "Action=DescribeInstances&Version=2016-11-15&MaxResults=many", 400, "InvalidParameterValue"},
		{signed, "Action=DescribeInstances&Version=2016-11-15&MaxResults=4", 400, "InvalidParameterValue"},
		{signed, "Action=DescribeInstances&Version=2016-11-15&NextToken=mine", 400, "InvalidNextToken"},
		{signed, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=colour&Filter.1.Value.1=red", 400, "InvalidParameterValue"},
		{signed, "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1", 400, "InvalidInstanceID.NotFound"},
		{signed, "Action=DescribeInstances&Version=2016-11-15&DryRun=true", 412, "DryRunOperation"},
		{signed, "Action=TerminateInstances&Version=2016-11-15", 400, "MissingParameter"},
		{signed, "Action=DescribeImages&Version=2016-11-15&ImageId.1=ubuntu", 400, "InvalidAMIID.Malformed"},
		{signed, "Action=DescribeImages&Version=2016-11-15&ImageId.1=ami-01234567", 400, "InvalidAMIID.NotFound"},
		{signed, "Action=DescribeImages&Version=2016-11-15&DryRun=true", 412, "DryRunOperation"},
		{signed, "Action=DescribeInstances&Version=%zz", 400, "MalformedQueryString"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", c.authorization)
		w := httptest.NewRecorder()
		ec2test.New(ec2test.Config{}).ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), "<Errors><Error><Code>"+c.want+"</Code><Message>") {
			t.Errorf("%s: %d %s, want %d %s", c.body, w.Code, w.Body, c.status, c.want)
		}
	}
}

// TestEC2AnswersHaveOnlyTheModelsElements holds the answers to the API model.
func TestEC2AnswersHaveOnlyTheModelsElements(t *testing.T) {
	type shape struct {
		Members map[string]*shape
		List    *shape
	}
	var model map[string]struct{ Output *shape }
	b, err := os.ReadFile("testdata/ec2-api.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &model); err != nil {
		t.Fatal(err)
	}
	fake := ec2test.New(ec2test.Config{})
	var bodies []string
	client := ec2.New(ec2.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://ec2.test"), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: tee{fakehttp.Loopback(fake), &bodies}},
	})
	ctx := context.Background()
	in := runInput("t", "a")
	in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot}
	out, err := client.RunInstances(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId}}); err != nil {
		t.Fatal(err)
	}
	fake.SetImage("ami-0123456789abcdef0", ec2test.Image{})
	if _, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{"ami-0123456789abcdef0"}}); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 4 {
		t.Fatalf("%d answers", len(bodies))
	}
	for _, body := range bodies {
		dec := xml.NewDecoder(strings.NewReader(body))
		var path []*shape
		for {
			token, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch x := token.(type) {
			case xml.StartElement:
				name := x.Name.Local
				switch {
				case len(path) == 0:
					path = append(path, model[strings.TrimSuffix(name, "Response")].Output)
				case name == "requestId" && len(path) == 1:
					path = append(path, &shape{})
				case path[len(path)-1].List != nil && name == "item":
					path = append(path, path[len(path)-1].List)
				default:
					next := path[len(path)-1].Members[name]
					if next == nil {
						t.Fatalf("the real EC2 has no %s there: %s", name, body)
					}
					path = append(path, next)
				}
			case xml.EndElement:
				path = path[:len(path)-1]
			}
		}
	}
}

type tee struct {
	next   http.RoundTripper
	bodies *[]string
}

func (x tee) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := x.next.RoundTrip(r)
	if err == nil {
		b, _ := io.ReadAll(resp.Body)
		*x.bodies = append(*x.bodies, string(b))
		resp.Body = io.NopCloser(strings.NewReader(string(b)))
	}
	return resp, err
}
