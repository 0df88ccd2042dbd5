// Package config reads everything that an operator can set, before anything else of the service
// starts.
//
// The settings come from environment variables, the secrets among them possibly from AWS
// (ssm:/path, secretsmanager:name), and the runner types from a YAML catalogue or, without one,
// from two built-in types. [Load] reads all of it at once and returns either a [Config] in which
// every field is valid and every default is filled in, or one error that names every fault by its
// variable, so that an operator mends the lot in one go:
//
//	3 faults in the settings:
//	  GITHUB_TOKEN: missing: ...
//	  RUNNERS_FILE: runners.yaml:4:13: runners[0].provider: "asw" is not one of aws, codemagic
//	  RECONCILE_INTERVAL: "60" has no unit: write 60s
//
// The lines are in the order in which the variables are documented. Faults of the catalogue carry
// file, line and column. No error holds a secret's value.
//
// The struct that names the variables is in environment.go; each group of settings has its own file
// of checks. runners.schema.json describes the catalogue, for this package and for editors: which
// keys there are, what they may hold, and in its titles what a fault says of them. document.go and
// yaml.go read YAML and keep the place of every value, schema_faults.go tells what the schema
// finds, and catalogue.go makes runner types of the rest. A new key is a new property of the schema
// and a field of that name: max_lifetime is MaxLifetime.
package config
