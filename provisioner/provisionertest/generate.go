package provisionertest

// The doubles are written by moq, whose version tools/go.mod holds; `make generate` writes them
// anew. The doubles of the other packages' interfaces stand beside those packages.

//go:generate go tool -modfile=../../tools/go.mod moq -pkg provisionertest -out mocks.go .. Provider Planner Finder Lister Terminator Registrar Jobs Observer
