package deploy_test

import (
	"iter"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const templateFile = "lambda/template.yaml"

// template is the CloudFormation template.
type template struct{ doc object }

func readTemplate(t *testing.T) template {
	t.Helper()
	docs := readYAML(t, templateFile)
	if len(docs) != 1 {
		t.Fatalf("%d documents", len(docs))
	}
	return template{docs[0]}
}

// resources are those of a type, by name.
func (t template) resources(kind string) iter.Seq2[string, object] {
	return func(yield func(string, object) bool) {
		all, _ := t.doc["Resources"].(object)
		for name, r := range all {
			if r, ok := r.(object); ok && text(r["Type"]) == kind && !yield(name, r) {
				return
			}
		}
	}
}

// environments are the variables of all functions and of each.
func (t template) environments() []any {
	all := []any{at(t.doc, "Globals", "Function", "Environment", "Variables")}
	for _, f := range t.resources("AWS::Serverless::Function") {
		if v := at(f, "Properties", "Environment", "Variables"); v != nil {
			all = append(all, v)
		}
	}
	return all
}

// statements are all that a role has, its own and those of the policies it refers to; conditional
// ones too.
func (t template) statements(tb testing.TB, role object) (all []object) {
	tb.Helper()
	documents := []any{}
	for _, p := range list(at(role, "Properties", "Policies")) {
		documents = append(documents, at(p, "PolicyDocument"))
	}
	for _, p := range list(at(role, "Properties", "ManagedPolicyArns")) {
		name := text(at(p, "Ref"))
		document := at(t.doc, "Resources", name, "Properties", "PolicyDocument")
		if document == nil {
			tb.Fatalf("the policy %v is not in the template: what it allows can't be checked", p)
		}
		documents = append(documents, document)
	}
	for _, d := range documents {
		for _, s := range alternatives(at(d, "Statement")) {
			all = append(all, s.(object))
		}
	}
	return all
}

// alternatives are the items of a list in which some depend on a condition.
func alternatives(v any) (all []any) {
	for _, x := range list(v) {
		if branches, ok := at(x, "Fn::If").([]any); ok {
			all = append(all, alternatives(branches[1:])...)
		} else if text(at(x, "Ref")) != "AWS::NoValue" {
			all = append(all, x)
		}
	}
	return all
}

func TestEveryNameInTheTemplateIsDefined(t *testing.T) {
	doc := readTemplate(t).doc
	defined := func(section, name string) bool { return at(doc, section, name) != nil }
	known := func(name string) bool {
		// SAM makes the function's URL.
		return strings.HasPrefix(name, "AWS::") || defined("Parameters", name) || defined("Resources", name) || name == "WebhookFunctionUrl"
	}
	used := map[string]bool{}
	see := func(name string) {
		used[name] = true
		if !known(name) {
			t.Errorf("%s is neither a parameter nor a resource", name)
		}
	}
	variable := regexp.MustCompile(`\$\{([A-Za-z0-9:]+)\}`)
	walk(doc, func(m object) {
		if ref := text(m["Ref"]); ref != "" {
			see(ref)
		}
		if attribute := list(m["Fn::GetAtt"]); attribute != nil {
			see(text(attribute[0]))
		}
		for _, v := range variable.FindAllStringSubmatch(text(m["Fn::Sub"]), -1) {
			see(v[1])
		}
		if branches := list(m["Fn::If"]); branches != nil {
			if condition := text(branches[0]); !defined("Conditions", condition) {
				t.Errorf("%s is not a condition", condition)
			} else {
				used[condition] = true
			}
		}
	})
	for _, section := range []string{"Parameters", "Conditions"} {
		for name := range at(doc, section).(object) {
			if !used[name] {
				t.Errorf("%s is never used", name)
			}
		}
	}
}

func TestTheQueueHasTimeForItsFunction(t *testing.T) {
	resources := readTemplate(t).doc["Resources"]
	timeout, _ := at(resources, "WorkerFunction", "Properties", "Timeout").(uint64)
	visibility, _ := at(resources, "Queue", "Properties", "VisibilityTimeout").(uint64)
	if timeout == 0 || visibility != 6*timeout {
		t.Errorf("the visibility timeout is %d s, not six times the function's %d s", visibility, timeout)
	}
	retention, _ := at(resources, "Queue", "Properties", "MessageRetentionPeriod").(uint64)
	if retention <= 24*3600 {
		t.Errorf("messages are kept for %d s, and jobs may wait for a day", retention)
	}
}

// Strangers must not use up the account's concurrency, and sweeps remember the one before.
func TestTheWebhookHasABoundAndTheSweeperIsAlone(t *testing.T) {
	resources := readTemplate(t).doc["Resources"]
	for function, want := range map[string]any{"WebhookFunction": object{"Ref": "WebhookConcurrency"}, "SweeperFunction": uint64(1)} {
		reserved, _ := at(resources, function, "Properties", "ReservedConcurrentExecutions", "Fn::If").([]any)
		if len(reserved) != 3 || !cmp.Equal(reserved[1], want) {
			t.Errorf("%s: the reserved concurrency is %v, want %v", function, reserved, want)
		}
	}
}

// cfn-lint knows CloudFormation's own schemas and what SAM makes of a template.
func TestCfnLintFindsNothing(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is missing (pip install cfn-lint): the template is checked by the other tests only")
	}
	if out, err := exec.CommandContext(t.Context(), lint, templateFile).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
