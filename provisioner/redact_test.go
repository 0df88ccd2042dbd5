package provisioner_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/provisioner"
	"github.com/datawire/github-runner-provisioner/provisioner/provisionertest"
)

const (
	classic = "ghp_k3Xv9TqLw2ZrYb7NcHs5MdJf8GpA1uEo4RtK"
	jit     = "eyIucnVubmVyIjoi/zZ5+SJ9PT0iLCJhIjoiYiJ9/Pj8+Z0xMjM0NTY3ODkwQUJDREVGR0hJSktMTU5PUA=="
)

func TestRedactTakesOutWhatWasSent(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\nconfigure '" + jit + "'\n"))
	twice := base64.StdEncoding.EncodeToString([]byte("UserData=" + url.QueryEscape(encoded)))
	for name, text := range map[string]string{
		"the token":                  "Authorization: Bearer " + classic,
		"half the token":             "Bearer " + classic[:20] + "...",
		"its end":                    "..." + classic[24:],
		"a configuration":            `{"encoded_jit_config":"` + jit + `"}`,
		"one with escaped slashes":   strings.ReplaceAll(jit, "/", `\/`),
		"one whose pluses escape":    strings.ReplaceAll(jit, "+", `\u002b`),
		"one in a URL":               url.QueryEscape(jit),
		"one in a URL in a URL":      url.QueryEscape(url.QueryEscape(jit)),
		"one in XML in JSON":         strings.NewReplacer("+", `&#43;`, "/", `&#x2f;`).Replace(strings.ReplaceAll(jit, "=", `\\u003d`)),
		"one in Go's quotes":         fmt.Sprintf("%q", strings.ReplaceAll(jit, "/", "\x01/")),
		"user data":                  "UserData=" + encoded,
		"user data, cut":             encoded[31:70],
		"user data, cut into lines":  lines(encoded, 19),
		"user data, escaped lines":   strings.ReplaceAll(lines(encoded, 11), "\n", `\r\n`),
		"user data in base64":        twice,
		"the same, cut into lines":   lines(twice, 30),
		"digits":                     hex.EncodeToString([]byte(classic)),
		"digits, upper case, lines":  lines(strings.ToUpper(hex.EncodeToString([]byte(classic))), 9),
		"another token":              "ghs_" + strings.Repeat("a1B2", 9),
		"one whose slashes escape":   "token: " + strings.Repeat(`a1B2c3D4e5F6g7H8i9\/`, 4),
		"one of 2026":                "token ghs_123456_" + strings.Repeat("eyJhbGciOiJSUzI1NiJ9", 1) + "." + strings.Repeat("eyJpc3MiOiJnaCJ9", 8) + "." + strings.Repeat("Zm9v_2", 57),
		"a key's identity in base64": base64.URLEncoding.EncodeToString([]byte("an unknown secret of some length ????>>>")),
	} {
		got := provisioner.Redact("it said: "+text+" (end)", provisioner.NewSecret(classic), provisioner.NewSecret(jit))
		if !strings.Contains(got, "[redacted]") || !strings.HasPrefix(got, "it said: ") || !strings.HasSuffix(got, "(end)") {
			t.Errorf("%s: %s", name, got)
		}
		for _, s := range []string{classic, jit} {
			if provisionertest.Shows(got, provisioner.NewSecret(s)) {
				t.Errorf("%s shows: %s", name, got)
			}
		}
		if strings.Contains(text, "ghs_") && strings.ContainsAny(strings.TrimPrefix(got, "it said: token "), "_Z9") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestRedactKnowsSecretsOfAnyAlphabet(t *testing.T) {
	const secret = "?>?>~~?>ÿ🔑🗝?>\U0010FFFF~é"
	ascii := strconv.QuoteToASCII(secret)
	for name, text := range map[string]string{
		"as it is": secret, "base64, for URLs, in lines": lines(base64.URLEncoding.EncodeToString([]byte(secret)), 10),
		"JSON":            strings.NewReplacer("🔑", `\ud83d\udd11`, "🗝", `\ud83d\udddd`, "\U0010FFFF", `\udbff\udfff`, ">", `\u003e`).Replace(secret),
		"its end in JSON": strings.Replace("🔑🗝?>\U0010FFFF~é", "🔑🗝", `\ud83d\udd11\ud83d\udddd`, 1),
		"ASCII":           ascii[1 : len(ascii)-1],
	} {
		got := provisioner.Redact("("+text+")", provisioner.NewSecret(secret))
		if strings.ContainsAny(got, "?🔑🗝~>") || strings.Contains(got, `\u`) || !strings.Contains(got, "[redacted]") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func lines(s string, n int) string {
	var b strings.Builder
	for i := 0; i < len(s); i += n {
		b.WriteString(s[i:min(i+n, len(s))] + "\n")
	}
	return b.String()
}

// What APIs say in their errors, which people need to mend what is wrong.
var useful = []string{
	"UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/karpenter-controller-role/1731429849551905269 is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-2:123456789012:instance/* with an explicit deny in a service control policy.",
	"User: arn:aws:iam::123456789012:user/ci is not authorized: arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b/octo@example.com",
	"arn:aws:sts::123456789012:assumed-role/GitHubRunnerProvisioner-TaskRole-1A2B3C4D5E6F7/i-0abcdef1234567890",
	"InvalidSubnetID.NotFound: The subnet ID 'subnet-0123456789abcdef0' does not exist",
	"InvalidInstanceID.NotFound: The instance IDs 'i-0abcdef1234567890, i-0abcdef1234567891' do not exist",
	"InsufficientFreeAddressesInSubnet: There are not enough free addresses in subnet 'subnet-9' to satisfy the requested number of instances.",
	"InvalidParameterValue: Invalid value '/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id' for ImageId",
	"InvalidAMIName.NotFound: ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20250610",
	"operation error SQS: SendMessage, https response error StatusCode: 400, RequestID: 5b1f0b1e-8c1d-4e0a-9a55-0d6c4a2b7f10, AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist.",
	`Post "https://sqs.eu-central-1.amazonaws.com/123456789012/github-runner-provisioner-jobs-dead-letters": dial tcp: lookup vpce-0a1b2c3d4e5f6a7b8-abcdefgh.sqs.us-east-1.vpce.amazonaws.com: no such host`,
	"ParameterNotFound: /github-runner-provisioner/production/github-token in arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d",
	"Resource not accessible by personal access token: https://docs.github.com/rest/actions/self-hosted-runners#create-configuration-for-a-just-in-time-runner-for-a-repository",
	"See https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits and https://docs.github.com/rest/overview/resources-in-the-rest-api",
	"Already exists - A runner with the name grp-ubuntu-24-04-arm64-large-with-docker-41234567890-1 already exists.",
	"https://github.com/actions/runner/releases/download/v2.330.0/actions-runner-linux-arm64-2.330.0.tar.gz: 404",
	"arn:aws:resource-groups:us-east-1:123456789012:group/mac-hosts-of-the-mobile-team is not a host resource group",
	"Build 5fabc6414c48000000000001 of app 5c9c064185dd2310123b8e96 is over: concurrency limit of mac_mini_m2",
	"100% of the hosts are busy: a\\b C:\\new &amp; more",
}

func TestRedactKeepsWhatPeopleNeed(t *testing.T) {
	secrets := []provisioner.Secret{provisioner.NewSecret(classic), provisioner.NewSecret(jit), {}}
	for _, text := range useful {
		if got := provisioner.Redact(text, secrets...); got != text {
			t.Errorf("got  %s\nwant %s", got, text)
		}
	}
}

func TestRedactTakesOutEveryLongWordThatIsRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 30_000 {
		raw := make([]byte, 30+random.IntN(60))
		for i := range raw {
			raw[i] = byte(random.Uint32())
		}
		for _, encode := range []func([]byte) string{base64.RawURLEncoding.EncodeToString, base64.StdEncoding.EncodeToString, hex.EncodeToString} {
			if word := encode(raw); strings.Contains(provisioner.Redact(word), word[:16]) {
				t.Fatalf("%s was left", word)
			}
		}
	}
}

func TestRedactMakesOneShortLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		" a\r\n\tb\x00c\xff\u200b ":    "a b c?",
		strings.Repeat("ab ", 1000):    strings.Repeat("ab ", 166) + "ab...",
		strings.Repeat("é ", 1000):     strings.Repeat("é ", 166) + "é...",
		classic + " " + classic + "\n": "[redacted] [redacted]",
	} {
		if got := provisioner.Redact(text, provisioner.NewSecret(classic)); got != want {
			t.Errorf("%.30q: got %q, want %q", text, got, want)
		}
	}
	// Not before it is redacted: half a token would be left.
	text := strings.Repeat("ab ", 163) + "Bearer " + classic
	if got := provisioner.Redact(text, provisioner.NewSecret(classic)); strings.Contains(got, "ghp") {
		t.Errorf("cut first: %s", got)
	}
}

func TestRedactGivesUpOnWhatTakesTooLong(t *testing.T) {
	text := strings.Repeat("QUJDREVGRw%3D%5Cn", 1<<18)
	if got := provisioner.Redact(text, provisioner.NewSecret(classic)); got != "[redacted]" {
		t.Errorf("got %.100s", got)
	}
}

func TestRedactErrorHidesTheTextAlone(t *testing.T) {
	if provisioner.RedactError(nil) != nil {
		t.Error("no error became one")
	}
	inner := &provisioner.RetryAfterError{Err: fmt.Errorf("a line: %s: %w: %w", classic, context.DeadlineExceeded, io.ErrUnexpectedEOF)}
	err := fmt.Errorf("call: %w", provisioner.RedactError(inner, provisioner.NewSecret(classic)))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) {
		t.Error("its kind is lost")
	}
	if got, ok := errors.AsType[*provisioner.RetryAfterError](err); !ok || got != inner {
		t.Error("its type is lost")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if s := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(s, "ghp_") || !strings.Contains(s, "a line") {
			t.Errorf("it shows: %s", s)
		}
	}
}
