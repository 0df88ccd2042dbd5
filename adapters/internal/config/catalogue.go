package config

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

// parseCatalogue reads a catalogue of runner types. The faults begin with file, line and column; the types are complete only if there are none, but those
// that have a provider are returned in any case, so that what they need can be checked as well.
func parseCatalogue(file string, content []byte) (types []Runner, faults []string) {
	c := &catalogue{document: document{file: file, anchors: map[string]ast.Node{}}, names: map[string]string{}}
	if root := c.open([]byte(strings.TrimPrefix(string(content), "\ufeff"))); root != nil {
		types = c.root(value{root, ""})
	}
	return types, c.sorted()
}

type catalogue struct {
	document
	names map[string]string // of the runner types so far, with the path of each
}

func (c *catalogue) root(v value) []Runner {
	if n := c.resolve(v); n != nil && n.Type() == ast.SequenceType {
		c.fault(n, "a list where the key runners belongs: write runners: above it, and indent it")
		return nil
	}
	b, ok := c.block(v, "runners")
	if !ok {
		return nil
	}
	list := b.set("runners")
	items, ok := list.(*ast.SequenceNode)
	switch {
	case list == nil && !b.has("runners"):
		b.missing("runners", "the list of runner types")
		return nil
	case list != nil && !ok:
		b.fault("runners", "%s, not a list of runner types", describe(list))
		return nil
	case list == nil || len(items.Values) == 0:
		b.fault("runners", "empty: there must be at least one runner type")
		return nil
	}
	types := make([]Runner, 0, len(items.Values))
	for i, item := range items.Values {
		types = append(types, c.runner(value{item, fmt.Sprintf("runners[%d]", i)}))
	}
	return types
}

var runnerName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

func (c *catalogue) runner(v value) (r Runner) {
	b, ok := c.block(v, "name", "labels", "provider", "max", "scope", "group", "max_lifetime", "boot_deadline", ProviderAWS, ProviderCodemagic)
	if !ok {
		return r
	}
	r.Name = c.name(b)
	r.Labels = b.requiredList("labels", "the labels that a job may ask for, such as [self-hosted, linux, arm64]", checkLabel)
	if len(r.Labels) > 100 {
		b.fault("labels", "%d labels: GitHub takes 100 at most", len(r.Labels))
	}
	r.Max = b.whole("max", 0, math.MaxInt32)
	r.Scope = cmp.Or(provisioner.Scope(b.oneOf("scope", string(provisioner.ScopeRepository), string(provisioner.ScopeOrganization))),
		provisioner.ScopeRepository)
	r.Group = cmp.Or(b.text("group"), defaultGroup)
	if r.Scope == provisioner.ScopeRepository && r.Group != defaultGroup {
		b.fault("group", "%s is a runner group, which only scope: org has", quote(r.Group))
	}
	r.MaxLifetime = b.duration("max_lifetime", defaultMaxLifetime)
	c.provider(b, &r)
	return r
}

func (c *catalogue) name(b *block) string {
	before := len(c.faults)
	name := b.requiredText("name", "1 to 32 characters of A-Z a-z 0-9 . _ -")
	switch first, twice := c.names[name]; {
	case name == "" || len(c.faults) > before:
	case !runnerName.MatchString(name):
		b.fault("name", "%s is not 1 to 32 characters of A-Z a-z 0-9 . _ -", quote(name))
	case twice:
		b.fault("name", "%s is the name of %s already", quote(name), first)
	default:
		c.names[name] = b.path
	}
	return name
}

func checkLabel(label string) string {
	if strings.Contains(label, ",") {
		return "has a comma: write separate labels"
	}
	return ""
}

// provider reads the block of the runner type's provider; of a type without a valid one, whatever block there is, so that its faults are told too.
func (c *catalogue) provider(b *block, r *Runner) {
	if r.Provider = b.requiredText("provider", ProviderAWS+" or "+ProviderCodemagic); r.Provider != "" {
		r.Provider = b.oneOf("provider", ProviderAWS, ProviderCodemagic)
	}
	byDefault := defaultBootDeadlineAWS
	if r.Provider == ProviderCodemagic {
		byDefault = defaultBootDeadlineCodemagic
	}
	r.BootDeadline = b.duration("boot_deadline", byDefault)
	for _, p := range []string{ProviderAWS, ProviderCodemagic} {
		given, chosen := b.has(p), r.Provider == p
		switch known := r.Provider == ProviderAWS || r.Provider == ProviderCodemagic; {
		case known && !chosen && given:
			b.doc.fault(b.fields[p].at, "%s: settings of another provider: this type's provider is %s", join(b.path, p), r.Provider)
		case chosen && !given:
			b.missing(p, "the settings of the provider")
		case !given:
		case p == ProviderAWS:
			r.AWS = c.aws(b.value(p))
		case p == ProviderCodemagic:
			r.Codemagic = c.codemagic(b.value(p))
		}
	}
}

func (c *catalogue) codemagic(v value) *codemagic.Settings {
	b, ok := c.block(v, "app_id", "workflow_id", "branch", "instance_type")
	if !ok {
		return nil
	}
	return &codemagic.Settings{
		AppID:        b.requiredText("app_id", "the id of the Codemagic app whose workflow hosts the runner"),
		WorkflowID:   cmp.Or(b.text("workflow_id"), "github-runner"),
		Branch:       cmp.Or(b.text("branch"), "main"),
		InstanceType: b.text("instance_type"),
	}
}
