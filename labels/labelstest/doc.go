// Package labelstest has the double of [labels.Matcher], made by moq: set MatchFunc, and ask
// afterwards how it was called. For tests only.
package labelstest

//go:generate go tool -modfile=../../tools/go.mod moq -pkg labelstest -out mocks.go .. Matcher
