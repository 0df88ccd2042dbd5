package deploy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/awsrunner"
)

// actionOf is the IAM action that a call of the code needs
// (https://docs.aws.amazon.com/service-authorization/latest/reference/).
var actionOf = map[string]string{
	"ec2:RunInstances":                 "ec2:RunInstances",
	"ec2:DescribeInstances":            "ec2:DescribeInstances",
	"ec2:DescribeImages":               "ec2:DescribeImages",
	"ec2:TerminateInstances":           "ec2:TerminateInstances",
	"sqs:SendMessage":                  "sqs:SendMessage",
	"sqs:ReceiveMessage":               "sqs:ReceiveMessage",
	"sqs:DeleteMessage":                "sqs:DeleteMessage",
	"sqs:ChangeMessageVisibility":      "sqs:ChangeMessageVisibility",
	"sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
	"sqs:GetQueueAttributes":           "sqs:GetQueueAttributes",
	"ssm:GetParameter":                 "ssm:GetParameter",
	"secretsmanager:GetSecretValue":    "secretsmanager:GetSecretValue",
	"sts:GetCallerIdentity":            "sts:GetCallerIdentity", // which takes no permission
}

// role is what the function of a role needs: calls of our code, and actions that AWS demands for
// them. Each has its reason.
type role struct{ calls, demanded map[string]string }

var roles = map[string]role{
	"WebhookRole": {
		calls:    with(secrets, map[string]string{"sqs:SendMessage": "accepting a job"}),
		demanded: with(logs, decryption),
	},
	"WorkerRole": {
		calls: with(secrets, launches, map[string]string{
			"sqs:ChangeMessageVisibility": "a job's next attempt",
			"sqs:SendMessage":             "a fresh copy of a job that has waited long, and the dead-letter queue",
		}),
		demanded: with(logs, decryption, demandedByLaunches, map[string]string{
			"sqs:ReceiveMessage":     "Lambda receives the batches with the function's role",
			"sqs:DeleteMessage":      "Lambda deletes what the function did not report as failed",
			"sqs:GetQueueAttributes": "Lambda looks at the queue that it polls",
		}),
	},
	"SweeperRole": {
		calls: with(secrets, map[string]string{
			"ec2:DescribeInstances":  "what machines there are",
			"ec2:TerminateInstances": "machines that nobody needs; workers never end any",
			"sqs:SendMessage":        "jobs without a machine, and those of failed deliveries",
		}),
		demanded: with(logs, decryption),
	},
}

var (
	secrets  = map[string]string{"ssm:GetParameter": "a variable that holds ssm:/path"}
	launches = map[string]string{
		"ec2:RunInstances":      "a machine for a job",
		"ec2:DescribeInstances": "the machines that live",
	}
	logs = map[string]string{
		"logs:CreateLogStream": "Lambda writes what the function prints, with the function's role",
		"logs:PutLogEvents":    "the same",
	}
	decryption         = map[string]string{"kms:Decrypt": "SSM decrypts SecureStrings with the caller's rights, for keys of the account's own"}
	demandedByLaunches = map[string]string{
		"ec2:CreateTags":    "RunInstances with tags",
		"ssm:GetParameters": "RunInstances with an image of the form resolve:ssm:NAME",
		"iam:PassRole":      "RunInstances with an instance profile",
	}
)

// elsewhere are calls that no function makes.
var elsewhere = map[string]string{
	"sqs:ReceiveMessage":               "the HTTP server's worker polls; on Lambda, Lambda does",
	"sqs:DeleteMessage":                "the same",
	"sqs:ChangeMessageVisibilityBatch": "the same: it holds what it has received",
	"sqs:GetQueueAttributes":           "the HTTP server's /readyz",
	"secretsmanager:GetSecretValue":    "the template stores secrets in SSM only",
	"sts:GetCallerIdentity":            "the HTTP server's start says who it is",
	"ec2:DescribeImages":               "the command check looks at images; there are no commands on Lambda",
}

// everything lists the actions that can't be limited to resources.
var everything = map[string]bool{"ec2:DescribeInstances": true}

func with(all ...map[string]string) map[string]string {
	sum := map[string]string{}
	for _, m := range all {
		maps.Copy(sum, m)
	}
	return sum
}

func TestEveryCallOfTheCodeIsMadeBySomeFunctionOrSaidWhyNot(t *testing.T) {
	calls := callsToAWS(t)
	for call, packages := range calls {
		if actionOf[call] == "" {
			t.Errorf("%v can call %s, and no IAM action for it is known here", packages, call)
		}
		made := elsewhere[call] != ""
		for _, r := range roles {
			made = made || r.calls[call] != ""
		}
		if !made {
			t.Errorf("%v can call %s: which function does?", packages, call)
		}
	}
	for call := range actionOf {
		if calls[call] == nil {
			t.Errorf("%s is called no more", call)
		}
	}
	for name, r := range roles {
		for call := range r.calls {
			if calls[call] == nil {
				t.Errorf("%s is said to call %s, which the code can't", name, call)
			}
		}
	}
	for call := range elsewhere {
		if calls[call] == nil {
			t.Errorf("%s is explained, and is called no more", call)
		}
	}
}

func TestEveryRoleAllowsExactlyWhatItsFunctionCalls(t *testing.T) {
	template := readTemplate(t)
	var names []string
	for name, r := range template.resources("AWS::IAM::Role") {
		names = append(names, name)
		needs := map[string]bool{}
		for call := range roles[name].calls {
			needs[actionOf[call]] = true
		}
		for action := range roles[name].demanded {
			needs[action] = true
		}
		allowed := map[string]bool{}
		for _, s := range template.statements(t, r) {
			for _, a := range list(s["Action"]) {
				allowed[text(a)] = true
			}
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(needs)), slices.Sorted(maps.Keys(allowed))); diff != "" {
			t.Errorf("%s: what is needed (-), what the template allows (+):\n%s", name, diff)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(roles)), names); diff != "" {
		t.Errorf("roles (-known +template):\n%s", diff)
	}
}

func TestNoStatementIsWiderThanItsCall(t *testing.T) {
	template := readTemplate(t)
	managed := func(kind string) object { return object{kind + "/" + awsrunner.TagManaged: "true"} }
	conditions := map[string]func(s object, resource string) bool{
		"ec2:RunInstances": func(s object, resource string) bool {
			created := strings.HasSuffix(resource, ":instance/*") || strings.HasSuffix(resource, ":volume/*")
			return !created || cmp.Equal(at(s, "Condition", "StringEquals"), any(managed("aws:RequestTag")))
		},
		"ec2:TerminateInstances": func(s object, _ string) bool {
			return cmp.Equal(at(s, "Condition", "StringEquals"), any(managed("ec2:ResourceTag")))
		},
		"ec2:CreateTags": func(s object, _ string) bool {
			return text(at(s, "Condition", "StringEquals", "ec2:CreateAction")) == "RunInstances"
		},
		"iam:PassRole": func(s object, _ string) bool {
			return text(at(s, "Condition", "StringEquals", "iam:PassedToService")) == "ec2.amazonaws.com"
		},
		"kms:Decrypt": func(s object, _ string) bool { return at(s, "Condition", "StringEquals", "kms:ViaService") != nil },
	}
	checked := map[string]bool{}
	for name, r := range template.resources("AWS::IAM::Role") {
		for _, s := range template.statements(t, r) {
			where := fmt.Sprintf("%s, %s", name, text(s["Sid"]))
			if text(s["Effect"]) != "Allow" || s["NotAction"] != nil || s["NotResource"] != nil || s["Action"] == nil || s["Resource"] == nil {
				t.Errorf("%s: only Effect: Allow with Action and Resource is understood here", where)
			}
			for _, a := range list(s["Action"]) {
				action := text(a)
				if strings.ContainsAny(action, "*?") || !strings.Contains(action, ":") {
					t.Errorf("%s: %q is not one action", where, action)
				}
				for _, x := range alternatives(s["Resource"]) {
					resource := text(x) + text(at(x, "Fn::Sub"))
					if resource == "*" && !everything[action] {
						t.Errorf("%s: %s is allowed on every resource", where, action)
					}
					if narrow := conditions[action]; narrow != nil {
						checked[action] = true
						if !narrow(s, resource) {
							t.Errorf("%s: %s on %s lacks its condition", where, action, resource)
						}
					}
				}
			}
		}
	}
	for action := range conditions {
		if !checked[action] {
			t.Errorf("%s is allowed nowhere, so that its condition was not checked", action)
		}
	}
}

func TestTheSecretsThatMayBeReadAreThoseThatTheEnvironmentNames(t *testing.T) {
	template := readTemplate(t)
	var named, allowed []string
	for _, f := range template.environments() {
		walk(f, func(m object) {
			s := text(m["Fn::Sub"])
			if strings.Contains(s, "secretsmanager:") {
				t.Errorf("%s: no role allows secretsmanager:GetSecretValue", s)
			}
			if parameter, ok := strings.CutPrefix(s, "ssm:"); ok {
				named = append(named, parameter)
			}
		})
	}
	for _, s := range template.statements(t, at(template.doc, "Resources", "WebhookRole").(object)) {
		if text(s["Action"]) != "ssm:GetParameter" {
			continue
		}
		for _, x := range alternatives(s["Resource"]) {
			_, parameter, ok := strings.Cut(text(at(x, "Fn::Sub")), "${AWS::AccountId}:parameter")
			if !ok || strings.Contains(parameter, "*") {
				t.Errorf("%v is not one parameter of this account", x)
			}
			allowed = append(allowed, parameter)
		}
	}
	slices.Sort(named)
	slices.Sort(allowed)
	if diff := cmp.Diff(slices.Compact(named), allowed); diff != "" || len(allowed) == 0 {
		t.Errorf("secrets (-named +allowed):\n%s", diff)
	}
}

func TestEveryPageThatListsWhatLaunchesTakeListsAll(t *testing.T) {
	needed := slices.Concat(slices.Collect(maps.Keys(launches)), slices.Collect(maps.Keys(demandedByLaunches)), []string{"ec2:TerminateInstances", "spot.amazonaws.com"})
	for _, page := range []string{"README.md", "examples/deploy/README.md", "awsrunner/doc.go"} {
		for _, action := range needed {
			if !strings.Contains(source(t, page), action) {
				t.Errorf("%s does not name %s", page, action)
			}
		}
	}
}
