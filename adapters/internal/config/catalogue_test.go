package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datawire/github-runner-provisioner/adapters/internal/config"
	"github.com/datawire/github-runner-provisioner/awsrunner"
	"github.com/datawire/github-runner-provisioner/codemagic"
	"github.com/datawire/github-runner-provisioner/provisioner"
)

func TestTheExampleIsTheCatalogueOfTheContract(t *testing.T) {
	alone(t)
	cfg, err := load(t, enough(map[string]string{"RUNNERS_FILE": filepath.Join("..", "..", "..", "examples", "runners.yaml")}))
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Runner{
		{
			RunnerType: provisioner.RunnerType{
				Name: "ubuntu-arm64", Labels: []string{"self-hosted", "linux", "arm64", "ubuntu-arm64"}, Provider: "aws", Max: 50,
				Scope: "repo", Group: "Default", MaxLifetime: 6 * time.Hour, BootDeadline: 5 * time.Minute,
			},
			AWS: &awsrunner.Settings{
				Image:         "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
				InstanceTypes: []string{"t4g.xlarge", "m7g.xlarge"}, Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"},
				Market: "on-demand", VolumeGiB: 50, Tags: map[string]string{"team": "ci"},
			},
		},
		{
			RunnerType: provisioner.RunnerType{
				Name: "macOS-arm64", Labels: []string{"self-hosted", "macOS", "arm64", "macOS-arm64"}, Provider: "codemagic", Max: 3,
				Scope: "repo", Group: "Default", MaxLifetime: 6 * time.Hour, BootDeadline: 15 * time.Minute,
			},
			Codemagic: &codemagic.Settings{AppID: "0123456789abcdef01234567", WorkflowID: "github-runner", Branch: "main", InstanceType: "mac_mini_m2"},
		},
	}
	if diff := cmp.Diff(want, cfg.Runners); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheExamplesOptionalLinesAreValidToo(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "runners.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	optional := regexp.MustCompile(`(?m)^( +)# ([a-z_0-9]+: )`)
	if n := len(optional.FindAll(text, -1)); n != 8 {
		t.Errorf("%d optional settings are commented out, want 8", n)
	}
	types, faults := config.ParseCatalogue("runners.yaml", optional.ReplaceAll(text, []byte("$1$2")))
	if len(faults) > 0 {
		t.Fatal(strings.Join(faults, "\n"))
	}
	want := &awsrunner.Settings{
		Image: types[0].AWS.Image, InstanceTypes: []string{"t4g.xlarge", "m7g.xlarge"}, Subnets: []string{"subnet-a", "subnet-b"},
		SecurityGroups: []string{"sg-1"}, Market: "on-demand", VolumeGiB: 50, Tags: map[string]string{"team": "ci"},
		OS: "linux", Arch: "arm64", RootDevice: "/dev/sda1", HostResourceGroup: "arn:aws:resource-groups:eu-west-1:123456789012:group/macs",
		RunnerVersion: "2.338.0", RunnerSHA256: strings.Repeat("0123456789abcdef", 4),
		RunnerURL: "https://mirror.example/actions-runner-linux-arm64-2.338.0.tar.gz", IdleTimeout: 10 * time.Minute,
	}
	if diff := cmp.Diff(want, types[0].AWS); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLeftOutKeysHaveTheDocumentedDefaults(t *testing.T) {
	types, faults := config.ParseCatalogue("c.yaml", []byte(awsCatalogue+strings.TrimPrefix(codemagicCatalogue, "runners:\n")))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []config.Runner{
		{
			RunnerType: provisioner.RunnerType{
				Name: "big", Labels: []string{"big"}, Provider: "aws", Scope: "repo", Group: "Default", MaxLifetime: 6 * time.Hour, BootDeadline: 5 * time.Minute,
			},
			AWS: &awsrunner.Settings{Image: "ami-1", InstanceTypes: []string{"m7g.large"}},
		},
		{
			RunnerType: provisioner.RunnerType{
				Name: "mac", Labels: []string{"mac"}, Provider: "codemagic", Scope: "repo", Group: "Default", MaxLifetime: 6 * time.Hour, BootDeadline: 15 * time.Minute,
			},
			Codemagic: &codemagic.Settings{AppID: "a", WorkflowID: "github-runner", Branch: "main"},
		},
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatYAMLOffersForRepetitionWorks(t *testing.T) {
	const text = "\ufeff---\r\n" + `runners:
  - &first
    name: a
    labels: &labels [self-hosted, &one one]
    provider: aws
    max_lifetime: 2h30m
    scope: org
    group: " Big machines "
    aws: &aws
      image: >
        ami-1
      instance_types: [m7g.large]
      tags: {"cost code": "12", empty: }
      market:
  - <<: *first
    name: b
    labels: *labels
    aws: {<<: [*aws, {image: ami-3, volume_gib: 8}], market: spot}
  - {<<: *first, name: c, labels: [*one], boot_deadline: 90s}
...
`
	types, faults := config.ParseCatalogue("c.yaml", []byte(text))
	if len(faults) > 0 {
		t.Fatal(strings.Join(faults, "\n"))
	}
	shared := provisioner.RunnerType{Provider: "aws", Scope: "org", Group: "Big machines", MaxLifetime: 150 * time.Minute, BootDeadline: 5 * time.Minute}
	a, b, c := shared, shared, shared
	a.Name, a.Labels = "a", []string{"self-hosted", "one"}
	b.Name, b.Labels = "b", a.Labels
	c.Name, c.Labels, c.BootDeadline = "c", []string{"one"}, 90*time.Second
	aws := awsrunner.Settings{Image: "ami-1", InstanceTypes: []string{"m7g.large"}, Tags: map[string]string{"cost code": "12", "empty": ""}}
	spot := aws
	spot.Market, spot.VolumeGiB = "spot", 8
	want := []config.Runner{{RunnerType: a, AWS: &aws}, {RunnerType: b, AWS: &spot}, {RunnerType: c, AWS: &aws}}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAllFaultsOfACatalogueAreToldFromTopToBottom(t *testing.T) {
	const text = `runners:
  - name: one
    labels: []
    provider: asw
    max: -1
    aws: {imagine: y, image: z, instance_types: [m]}
  - labels: [x, "", 24.04]
    name: one
    provider: aws
    codemagic: {}
    aws:
      market: sometimes
      instanceTypes: [a]
  - provider: codemagic
`
	_, faults := config.ParseCatalogue("dir/runners.yaml", []byte(text))
	want := []string{
		`dir/runners.yaml:3:13: runners[0].labels: empty: the labels that a job may ask for, such as [self-hosted, linux, arm64]`,
		`dir/runners.yaml:4:15: runners[0].provider: "asw" is not one of aws, codemagic; did you mean aws?`,
		`dir/runners.yaml:5:10: runners[0].max: -1 is not between 0 and 2147483647`,
		`dir/runners.yaml:6:11: runners[0].aws.imagine: unknown key; did you mean image?`,
		`dir/runners.yaml:7:17: runners[1].labels[1]: empty`,
		`dir/runners.yaml:7:21: runners[1].labels[2]: 24.04 is a number, not text: write it in quotes`,
		`dir/runners.yaml:8:11: runners[1].name: "one" is the name of runners[0] already`,
		`dir/runners.yaml:10:5: runners[1].codemagic: settings of another provider: this type's provider is aws`,
		`dir/runners.yaml:12:7: runners[1].aws.image: missing: an AMI's id, or resolve:ssm:/parameter`,
		`dir/runners.yaml:12:15: runners[1].aws.market: "sometimes" is not one of on-demand, spot, spot-then-on-demand`,
		`dir/runners.yaml:13:7: runners[1].aws.instanceTypes: unknown key; did you mean instance_types?`,
		`dir/runners.yaml:14:5: runners[2].codemagic: missing: the settings of the provider`,
		`dir/runners.yaml:14:5: runners[2].labels: missing: the labels that a job may ask for, such as [self-hosted, linux, arm64]`,
		`dir/runners.yaml:14:5: runners[2].name: missing: 1 to 32 characters of A-Z a-z 0-9 . _ -`,
	}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFaultsOfTheFileAsAWhole(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", "c:1:1: the file is empty: it must hold a list named runners"},
		"comments alone":     {"# nothing\n", "c:1:1: the file is empty"},
		"a marker alone":     {"---\n", "c:1:1: the file is empty"},
		"not UTF-8":          {"runners: \xff\n", "c:1:1: the file is not text in UTF-8"},
		"enormous":           {strings.Repeat("#", 256<<10) + "\n", "c:1:1: the file is larger than 256 KiB"},
		"two documents":      {"runners: []\n---\nrunners: []\n", "c:3:1: a second YAML document begins here"},
		"a tab":              {"runners:\n\t- name: a\n", "c:2:1: found character"},
		"an open list":       {"runners: [a,\n", "c:1:10: sequence end token ']' not found"},
		"an open quote":      {"runners: \"a\n", "c:1:10: could not find end character of double-quoted text"},
		"a stray colon":      {"runners:\n  - name: a: b\n", "c:2:11: mapping value is not allowed in this context"},
		"a bad indent":       {"runners:\n  - name: a\n   max: 1\n", "c:3:4:"},
		"a list":             {"- name: a\n", "c:1:1: a list where the key runners belongs"},
		"text":               {"hello\n", `c:1:1: "hello" is text where a mapping of keys to values belongs`},
		"another key":        {"runner: []\n", "c:1:1: runner: unknown key; did you mean runners?"},
		"a key beside":       {"runners: [{}]\nversion: 1\n", "c:2:1: version: unknown key; known are runners"},
		"no key":             {"{}\n", "c:1:1: runners: missing: the list of runner types"},
		"no list":            {"runners:\n", "c:1:1: runners: empty: there must be at least one runner type"},
		"an empty list":      {"runners: []\n", "c:1:10: runners: empty: there must be at least one runner type"},
		"a mapping":          {"runners: {a: b}\n", "c:1:10: runners: a mapping, not a list of runner types"},
		"an item of text":    {"runners: [ubuntu]\n", `c:1:11: runners[0]: "ubuntu" is text where a mapping of keys to values belongs`},
		"an item of nothing": {"runners:\n  -\n", "c:2:5: runners[0]: empty: a runner type, with name, labels and provider"},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := config.ParseCatalogue("c", []byte(c.text))
			if !strings.Contains(strings.Join(faults, "\n"), c.want) {
				t.Errorf("want %q, got\n%s", c.want, strings.Join(faults, "\n"))
			}
		})
	}
}

func TestEachFaultOfARunnerTypeHasItsPlaceAndReason(t *testing.T) {
	const head = "runners:\n  - "
	inAWS := func(line string) string {
		return head + "name: a\n    labels: [a]\n    provider: aws\n    aws:\n      image: ami-1\n      instance_types: [m]\n      " + line + "\n"
	}
	inType := func(line string) string {
		return head + "name: a\n    labels: [a]\n    provider: codemagic\n    codemagic: {app_id: a}\n    " + line + "\n"
	}
	long := strings.Repeat("x", 129)
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":                {inType("idle: 1"), "c:6:5: runners[0].idle: unknown key; known are name, labels,"},
		"duplicate key":              {inType("name: b"), "c:6:5: runners[0].name: the key appears twice, first in line 2"},
		"number as key":              {inType("1: b"), "c:6:5: runners[0]: the key 1 is 1 is a number"},
		"name of nothing":            {head + "name:\n    labels: [a]\n    provider: codemagic\n    codemagic: {app_id: a}\n", "c:2:5: runners[0].name: empty: 1 to 32 characters"},
		"name with a blank":          {head + "name: a b\n    labels: [a]\n    provider: codemagic\n    codemagic: {app_id: a}\n", `c:2:11: runners[0].name: "a b" is not 1 to 32 characters`},
		"name too long":              {head + "name: " + long[:33] + "\n    labels: [a]\n    provider: codemagic\n    codemagic: {app_id: a}\n", "c:2:11: runners[0].name: "},
		"name is a number":           {head + "name: 5\n    labels: [a]\n    provider: codemagic\n    codemagic: {app_id: a}\n", "c:2:11: runners[0].name: 5 is a number, not text: write it in quotes"},
		"labels are text":            {head + "name: a\n    labels: a, b\n    provider: codemagic\n    codemagic: {app_id: a}\n", `c:3:13: runners[0].labels: "a, b" is text, not a list: write it like [a, b]`},
		"label with a comma":         {head + "name: a\n    labels: [\"a,b\"]\n    provider: codemagic\n    codemagic: {app_id: a}\n", `c:3:14: runners[0].labels[0]: "a,b" has a comma`},
		"label is a list":            {head + "name: a\n    labels: [[a]]\n    provider: codemagic\n    codemagic: {app_id: a}\n", "c:3:14: runners[0].labels[0]: a list where a text belongs"},
		"label is nothing":           {head + "name: a\n    labels: [~]\n    provider: codemagic\n    codemagic: {app_id: a}\n", "c:3:14: runners[0].labels[0]: empty"},
		"label is a truth":           {head + "name: a\n    labels: [true]\n    provider: codemagic\n    codemagic: {app_id: a}\n", "c:3:14: runners[0].labels[0]: true is a truth value, not text: write it in quotes"},
		"too many labels":            {head + "name: a\n    labels: [" + strings.Repeat("x, ", 99) + "x]\n    provider: codemagic\n    codemagic: {app_id: a}\n", "c:3:13: runners[0].labels: 100 labels: GitHub takes 100 at most, and one is the deployment's"},
		"provider missing":           {head + "name: a\n    labels: [a]\n", "c:2:5: runners[0].provider: missing: aws or codemagic"},
		"provider is a list":         {head + "name: a\n    labels: [a]\n    provider: [aws]\n", "c:4:15: runners[0].provider: a list where a text belongs"},
		"provider in capitals":       {head + "name: a\n    labels: [a]\n    provider: AWS\n    aws: {image: a, instance_types: [b]}\n", `c:4:15: runners[0].provider: "AWS" is not one of aws, codemagic; did you mean aws?`},
		"block missing":              {head + "name: a\n    labels: [a]\n    provider: aws\n", "c:2:5: runners[0].aws: missing: the settings of the provider"},
		"block is text":              {head + "name: a\n    labels: [a]\n    provider: aws\n    aws: x\n", `c:5:10: runners[0].aws: "x" is text where a mapping`},
		"block of another provider":  {inType("aws: {image: a}"), "c:6:5: runners[0].aws: settings of another provider"},
		"wrong in another's block":   {inType("aws: {imagine: [a], tags: 1}"), "c:6:5: runners[0].aws: settings of another provider"},
		"block of nothing":           {head + "name: a\n    labels: [a]\n    provider: aws\n    aws:\n", "c:5:5: runners[0].aws: empty: the settings of the provider aws, with image and"},
		"labels of nothing":          {head + "name: a\n    labels:\n    provider: codemagic\n    codemagic: {app_id: a}\n", "c:3:5: runners[0].labels: empty: the labels that a job may ask for"},
		"a key in capitals":          {inType("Name: b"), "c:6:5: runners[0].Name: unknown key; did you mean name?"},
		"a key of many parts":        {inType("provider/enum/7: {}"), `c:6:5: runners[0]."provider/enum/7": unknown key; known are name, labels,`},
		"max is text":                {inType("max: many"), `c:6:10: runners[0].max: "many" is text, not a whole number`},
		"max is negative":            {inType("max: -1"), "c:6:10: runners[0].max: -1 is not between 0 and"},
		"max is broken":              {inType("max: 1.5"), "c:6:10: runners[0].max: 1.5 is a number, not a whole number"},
		"max is enormous":            {inType("max: 9999999999"), "c:6:10: runners[0].max: 9999999999 is not between 0 and 2147483647"},
		"scope":                      {inType("scope: enterprise"), `c:6:12: runners[0].scope: "enterprise" is not one of repo, org`},
		"group without org":          {inType("group: big"), `c:6:12: runners[0].group: "big" is a runner group, which only scope: org has`},
		"lifetime without unit":      {inType("max_lifetime: 6"), "c:6:19: runners[0].max_lifetime: 6 has no unit: write it like 6h, 30m or 90s"},
		"lifetime in days":           {inType("max_lifetime: 1d"), `c:6:19: runners[0].max_lifetime: "1d" is not a duration`},
		"lifetime is a list":         {inType("max_lifetime: [1h]"), "c:6:19: runners[0].max_lifetime: a list, not a duration"},
		"deadline is zero":           {inType("boot_deadline: 0s"), `c:6:20: runners[0].boot_deadline: "0s" is not longer than 0`},
		"deadline is negative":       {inType("boot_deadline: -5m"), `c:6:20: runners[0].boot_deadline: "-5m" is not longer than 0`},
		"unknown alias":              {inType("scope: *nope"), "c:6:12: runners[0].scope: there is no anchor &nope"},
		"tag":                        {inType("scope: !!str repo"), "c:6:12: runners[0].scope: YAML tags such as !!str are not supported"},
		"anchor twice":               {inType("scope: &x repo\n    group: &x Default"), "c:7:12: the anchor &x is defined twice"},
		"merge of itself":            {"runners:\n  - &a\n    name: a\n    labels: [a]\n    provider: codemagic\n    codemagic: {app_id: a}\n    <<: *a\n", "c:7:9: runners[0]: *a refers to itself"},
		"merge of text":              {inType("<<: x"), `c:6:9: runners[0]: "x" is text where a mapping`},
		"merge twice":                {inType("<<: {max: 1}\n    <<: {max: 2}"), "c:7:5: runners[0]: << appears twice"},
		"app_id missing":             {head + "name: a\n    labels: [a]\n    provider: codemagic\n    codemagic: {branch: b}\n", "c:5:16: runners[0].codemagic.app_id: missing: the id of the Codemagic app"},
		"app_id empty":               {head + "name: a\n    labels: [a]\n    provider: codemagic\n    codemagic: {app_id: \"\"}\n", "c:5:25: runners[0].codemagic.app_id: empty: the id of the Codemagic app"},
		"Codemagic key":              {head + "name: a\n    labels: [a]\n    provider: codemagic\n    codemagic: {app_id: a, appid: b}\n", "runners[0].codemagic.appid: unknown key; did you mean app_id?"},
		"image missing":              {head + "name: a\n    labels: [a]\n    provider: aws\n    aws: {instance_types: [b]}\n", "c:5:10: runners[0].aws.image: missing: an AMI's id"},
		"instance types missing":     {head + "name: a\n    labels: [a]\n    provider: aws\n    aws: {image: b}\n", "c:5:10: runners[0].aws.instance_types: missing: what to launch"},
		"market":                     {inAWS("market: sometimes"), `c:8:15: runners[0].aws.market: "sometimes" is not one of on-demand, spot, spot-then-on-demand`},
		"market misspelt":            {inAWS("market: on_demand"), `; did you mean on-demand?`},
		"volume too small":           {inAWS("volume_gib: 7"), "c:8:19: runners[0].aws.volume_gib: 7 is not between 8 and 16384"},
		"volume too large":           {inAWS("volume_gib: 16385"), "c:8:19: runners[0].aws.volume_gib: 16385 is not between 8 and 16384"},
		"volume with a unit":         {inAWS("volume_gib: 50GiB"), `c:8:19: runners[0].aws.volume_gib: "50GiB" is text, not a whole number`},
		"an empty subnet":            {inAWS("subnets: [a, ' ']"), "c:8:20: runners[0].aws.subnets[1]: empty"},
		"an empty security group":    {inAWS("security_groups: ['']"), "runners[0].aws.security_groups[0]: empty"},
		"tags are a list":            {inAWS("tags: [a]"), "c:8:13: runners[0].aws.tags: a list where a mapping"},
		"tag is a number":            {inAWS("tags: {a: 5}"), "c:8:17: runners[0].aws.tags.a: 5 is a number, not text: write it in quotes"},
		"tag of AWS":                 {inAWS("tags: {'AWS:x': a}"), `runners[0].aws.tags."AWS:x": keys that begin with aws: belong to AWS`},
		"tag of ours":                {inAWS("tags: {'runner-provisioner:job': a}"), `keys that begin with runner-provisioner: belong to this service`},
		"tag key empty":              {inAWS("tags: {'': a}"), "the key must have 1 to 128 characters"},
		"tag key too long":           {inAWS("tags: {" + long + ": a}"), "the key must have 1 to 128 characters"},
		"tag too long":               {inAWS("tags: {a: " + long + long + "}"), "the value has more than 256 characters"},
		"too many tags":              {inAWS("tags: {" + manyTags(41) + "}"), "c:8:13: runners[0].aws.tags: 41 tags: EC2 allows 50"},
		"operating system":           {inAWS("os: windows"), `c:8:11: runners[0].aws.os: "windows" is not one of linux, macos`},
		"architecture":               {inAWS("arch: amd64"), `c:8:13: runners[0].aws.arch: "amd64" is not one of arm64, x64`},
		"version without sum":        {inAWS("runner_version: 2.338.0"), "runners[0].aws.runner_sha256: missing"},
		"sum without version":        {inAWS("runner_sha256: " + strings.Repeat("0a", 32)), "runners[0].aws.runner_version: missing"},
		"version and URL, no sum":    {inAWS("runner_version: 2.338.0\n      runner_url: https://h/x"), "c:6:7: runners[0].aws.runner_sha256: missing: the SHA-256 sum"},
		"version with a v":           {inAWS("runner_version: v2.338.0\n      runner_sha256: " + strings.Repeat("0a", 32)), `"v2.338.0" is not a version such as 2.338.0`},
		"sum too short":              {inAWS("runner_version: 2.338.0\n      runner_sha256: abc"), `c:9:22: runners[0].aws.runner_sha256: "abc" is not a SHA-256 sum`},
		"runner URL alone":           {inAWS("runner_url: https://h/x"), "c:8:19: runners[0].aws.runner_url: needs runner_version and runner_sha256 beside it"},
		"runner URL is none":         {inAWS("runner_version: 2.338.0\n      runner_sha256: " + strings.Repeat("0a", 32) + "\n      runner_url: h/x"), "c:10:19: runners[0].aws.runner_url: not an absolute http(s) URL"},
		"idle timeout":               {inAWS("idle_timeout: soon"), `c:8:21: runners[0].aws.idle_timeout: "soon" is not a duration`},
		"key name is a list":         {inAWS("key_name: [a]"), "c:8:17: runners[0].aws.key_name: a list where a text belongs"},
		"infinity":                   {inAWS("key_name: .inf"), "c:8:17: runners[0].aws.key_name: .inf is a number, which fits nowhere"},
		"umlauts count as one":       {inAWS("key_name: äöü\n      tags: {ä: 5}"), "c:9:17: runners[0].aws.tags.\"ä\": 5 is a number"},
		"comments do not count":      {inAWS("# one\n\n      # two\n      volume_gib: 1 # three"), "c:11:19: runners[0].aws.volume_gib: 1 is not between"},
		"Windows' line ends count":   {strings.ReplaceAll(inAWS("volume_gib: 1"), "\n", "\r\n"), "c:8:19: runners[0].aws.volume_gib: 1 is not between"},
		"block of text is one place": {inAWS("market: |\n        never\n        ever"), `c:8:15: runners[0].aws.market: "never\never" is not one of`},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := config.ParseCatalogue("c", []byte(c.text))
			if len(faults) != 1 {
				t.Errorf("%d faults, want 1", len(faults))
			}
			if got := strings.Join(faults, "\n"); !strings.Contains(got, c.want) {
				t.Errorf("want %q, got\n%s", c.want, got)
			}
		})
	}
}

func manyTags(n int) string {
	var tags []string
	for i := range n {
		tags = append(tags, fmt.Sprintf("k%d: v", i))
	}
	return strings.Join(tags, ", ")
}
