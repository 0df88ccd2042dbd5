// Package githubspec checks requests and answers against GitHub's own description of its REST API
// and of its workflow_job events, so that the fake GitHub can't drift from the real one unnoticed.
// It is for tests alone; the descriptions are in githubtest/testdata.
package githubspec
