package provisionertest

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestProviderPassesGoodProviders(t *testing.T) {
	for name, newToy := range map[string]func() *toy{
		"at a cloud with idempotency keys":    func() *toy { return &toy{keys: true} },
		"at a cloud without idempotency keys": func() *toy { return &toy{} },
		"at clouds whose lists lag":           func() *toy { return &toy{keys: true, lag: 3 * time.Second} },
		"where looking is all there is":       func() *toy { return &toy{lag: 3 * time.Second} },
		"without optional powers":             func() *toy { return &toy{keys: true, powerless: true} },
	} {
		t.Run(name, func(t *testing.T) {
			TestProvider(t, func(*testing.T) Harness { return newToy() })
		})
	}
}

func TestProviderNoticesEveryFlaw(t *testing.T) {
	noticed := map[string]bool{}
	for _, c := range []struct {
		flaw   string
		keys   bool   // at a cloud with idempotency keys
		among  string // the case that is there for it
		saying string
	}{
		{"makes two machines", true, "a launch makes one machine", "2 machines"},
		{"forgets the job", true, "a launch makes one machine", "job 0"},
		{"returns another machine", true, "a launch makes one machine", "returned machine"},
		{"gives no configuration", true, "a launch makes one machine", "not given"},
		{"logs the configuration", true, "a launch makes one machine", "the log shows"},
		{"has a new key for each call", true, "the same launch again", "2 machines"},
		{"has a new key for each call", true, "a lost answer", "2 machines"},
		{"has a new key for each call", true, "several lost answers", "4 machines"},
		{"has a new key for each call", true, "the same launch by several callers", "4 machines"},
		{"keys by name alone", true, "another registration", "has no machine"},
		{"mixes launches up", true, "launches of different jobs at once", "has no machine"},
		{"takes a refusal for success", true, "a cloud that refuses", "the launch succeeded"},
		{"quotes the request in errors", true, "a cloud that refuses", "an error shows"},
		{"repeats what the cloud says", true, "a cloud that repeats the request", "an error shows"},
		{"repeats what the cloud says", true, "a cloud that repeats the request", "the log shows"},
		{"knows no capacity", true, "a cloud without room", "want ErrCapacity"},
		{"takes a throttle for a refusal", true, "a call that is throttled", "RetryAfterError"},
		{"takes a throttle for a refusal", true, "a cloud that throttles for long", "RetryAfterError"},
		{"hints at no wait", true, "a cloud that throttles for long", "RetryAfterError"},
		{"launches unknown types", true, "a runner type without settings", "the launch succeeded"},
		{"takes an ended machine for a launch", true, "the launch of a machine that is over", "want ErrMachineEnded"},
		{"gives up in silence", true, "calls that are lost before", "failed"},
		{"gives up in silence", true, "a lost answer", "failed"},
		{"takes silence for a failure", true, "a launch whose time ends in silence", "want ErrNoAnswer"},
		{"overstays its time", true, "a launch whose time ends in silence", "went on"},
		{"launches after its time", true, "a launch whose time is over", "machines"},
		{"takes a late no for certain", true, "a refusal after a lost answer", "though there may be a machine"},
		{"takes a late no for certain", false, "a lack of room after a lost answer", "though there may be a machine"},
		{"asks nobody", true, "a lost call is not made again", "the launch succeeded"},
		{"asks nobody", true, "a call that lost its answer", "2 launch calls"},
		{"asks too late", true, "a lost call is not made again", "1 machines were made"},
		{"asks too late", true, "a call that lost its answer", "2 launch calls"},
		{"tells nobody why", true, "a lost call is not made again", "want ErrNotWanted"},
		{"tells nobody why", true, "a call that lost its answer", "want ErrNotWanted"},
		{"asks nobody", false, "a lost call is not made again", "the launch succeeded"},
		{"finds other jobs", true, "Find finds", "for nothing"},
		{"forgets ended machines", true, "Find finds", "lacks machine"},
		{"forgets ended machines", true, "List lists", "lacks machine"},
		{"takes all for alive", true, "List lists", "as alive"},
		{"lists the first page", true, "List lists", "lacks machine"},
		{"lists twice", true, "List lists", "twice"},
		{"shortens lists that fail", true, "a list that fails", "no error"},
		{"can't end twice", true, "Terminate ends", "over already"},
		{"ends everything", true, "Terminate ends", "is ended"},
		{"ends nothing", true, "Terminate ends", "is alive"},
		{"launches to plan", true, "a plan changes nothing", "were made"},
		{"plans in full", true, "a plan changes nothing", "the plan shows"},
		{"plans nameless", true, "a plan changes nothing", "does not name"},
		{"gives no reason", true, "a plan at a cloud that can't be asked", "does not say why"},
		{"fails to plan", true, "a plan at a cloud that can't be asked", "Plan:"},
		{"calls every plan verified", true, "a plan at a cloud that refuses", "verified"},
		{"calls every plan verified", true, "a plan at a cloud that can't be asked", "verified"},
		{"logs the configuration", true, "no log shows", "the log shows"},
		{"starts blindly again", false, "several lost answers", "machines"},
	} {
		i := slices.IndexFunc(conformance, func(x conformanceCase) bool { return strings.HasPrefix(x.name, c.among) })
		if i < 0 {
			t.Fatalf("there is no case %q", c.among)
		}
		noticed[conformance[i].name] = true
		t.Run(c.flaw+": "+c.among, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				faults, skip := conformance[i].try(t.Context(), &toy{keys: c.keys, flaw: c.flaw})
				if skip != "" {
					t.Fatalf("skipped: %s", skip)
				}
				text := strings.Join(faults, "\n")
				if !strings.Contains(text, c.saying) || text == "" {
					t.Errorf("the faults do not speak of %q:\n%s", c.saying, text)
				}
				if Shows(text, configuration(7)) {
					t.Error("the faults show the configuration")
				}
			})
		})
	}
	for _, c := range conformance {
		if !noticed[c.name] {
			t.Errorf("no flaw fails %q", c.name)
		}
	}
}

func TestShowsFindsPartsOfSecretsInBase64Too(t *testing.T) {
	secret := configuration(7)
	for name, text := range map[string]string{
		"as it is": "x " + secret.Reveal() + " y", "cut": secret.Reveal()[100:250], "in base64": inBase64("ab" + secret.Reveal()), "in base64, shifted": inBase64("abc" + secret.Reveal()),
		"in base64, shifted again": inBase64("abcd" + secret.Reveal()),
	} {
		if !Shows(text, secret) {
			t.Errorf("%s: not found", name)
		}
	}
	for _, text := range []string{"", "x", secret.String(), configuration(8).Reveal(), provisioner.NewSecret("y").String()} {
		if Shows(text, secret) {
			t.Errorf("found in %.40q", text)
		}
	}
}
