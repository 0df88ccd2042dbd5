//go:build race

package sqlite_test

// The race detector makes everything slower by this.
const slower = 20
