package awsrunner_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest/fakehttp"
)

// noise is as hard to guess as a key.
func noise(seed string, size int) []byte {
	var out []byte
	for i := 0; len(out) < size; i++ {
		sum := sha256.Sum256(fmt.Append(nil, seed, i))
		out = append(out, sum[:]...)
	}
	return out[:size]
}

func TestAnEC2ThatQuotesTheRequestTellsNothingOfIt(t *testing.T) {
	jit := base64.StdEncoding.EncodeToString(noise("configuration", 3200))
	session := base64.StdEncoding.EncodeToString(noise("session", 600))
	for _, quote := range fakehttp.Quotes() {
		for _, status := range []int{400, 500} {
			t.Run(fmt.Sprintf("%s %d", quote.Name, status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake, userData := ec2test.New(ec2test.Config{}), ""
					fake.SetFaults(func(_ string, r *http.Request) *fakehttp.Fault {
						if data := r.PostForm.Get("UserData"); data != "" {
							userData = data
						}
						return &fakehttp.Fault{Status: status, Quote: func(request string) string {
							for _, secret := range []string{"UserData=", "X-Amz-Security-Token: "} { // what is before fills an error
								if _, after, ok := strings.Cut(request, secret); ok {
									request = after
								}
							}
							return quote.Quote(request)
						}}
					})
					client := ec2.New(ec2.Options{
						Region: "eu-central-1", BaseEndpoint: aws.String("http://ec2.test"),
						Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", session), HTTPClient: &http.Client{Transport: fakehttp.Loopback(fake)},
					})
					var log bytes.Buffer
					p, err := awsrunner.New(client, releases{}, map[string]awsrunner.Settings{"linux": settings()}, awsrunner.Config{
						Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
					})
					if err != nil {
						t.Fatal(err)
					}
					l := order()
					l.JITConfig = provisioner.NewSecret(jit)
					_, launching := p.Launch(t.Context(), l)
					plan, planning := p.Plan(t.Context(), l)
					_, listing := p.List(t.Context())
					ending := p.Terminate(t.Context(), provisioner.Machine{ID: "i-0abcdef1234567890"})
					shown, _ := json.Marshal(plan)
					text := fmt.Sprintf("%+v\n%s\n%s", []error{launching, planning, listing, ending}, shown, log.String())
					if launching == nil || listing == nil || ending == nil || plan.Verified || !strings.Contains(text, "[redacted]") {
						t.Fatalf("nothing failed, or nothing was quoted: %.900s", text)
					}
					known := map[string]string{"the configuration": jit, "the user data": userData}
					if !strings.Contains(quote.Name, "pieces") && !strings.Contains(quote.Name, "lines") {
						known["the SDK's session"] = session // which the provider does not know
					}
					for name, s := range known {
						if provisionertest.Shows(text, provisioner.NewSecret(s)) {
							t.Errorf("%s shows: %.700s", name, text)
						}
					}
				})
			})
		}
	}
}

func TestTheEncodedAuthorizationFailureIsCutOff(t *testing.T) {
	const told = "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/provisioner/i-0abcdef1234567890 " +
		"is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:eu-central-1:123456789012:subnet/subnet-0123456789abcdef0 because no " +
		"identity-based policy allows the ec2:RunInstances action."
	api := &ec2API{run: []any{&smithy.GenericAPIError{
		Code: "UnauthorizedOperation", Message: told + " Encoded authorization failure message: " + hex.EncodeToString(noise("", 12)) + " " + base64.RawURLEncoding.EncodeToString(noise("", 1200)),
	}}}
	p := provider(t, api, settings(), nil)
	_, err := p.Launch(t.Context(), order())
	if err == nil || !strings.Contains(err.Error(), "UnauthorizedOperation: "+told) || strings.Contains(err.Error(), "Encoded") {
		t.Errorf("got %v", err)
	}
	plan, err := p.Plan(t.Context(), order())
	if err != nil || plan.UnverifiedBecause != "EC2 refuses: UnauthorizedOperation: "+told {
		t.Errorf("got %q, %v", plan.UnverifiedBecause, err)
	}
}
