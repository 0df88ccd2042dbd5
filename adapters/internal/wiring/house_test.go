package wiring_test

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// What a page of code is allowed; a tab counts four columns.
const (
	mostLines          = 350
	mostCommentColumns = 100
)

// TestCodeIsReadableInPages holds every file that is not generated to one idea's length, and every
// line of comments to a width that can be read.
func TestCodeIsReadableInPages(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(text[:min(len(text), 100)]), "DO NOT EDIT") {
			return err
		}
		files++
		lines := strings.Split(string(text), "\n")
		if len(lines) > mostLines+1 {
			t.Errorf("%s has %d lines", path, len(lines)-1)
		}
		output := 0 // the last line of an Example's output
		for _, n := range commentLines(text) {
			line := strings.TrimLeft(lines[n-1], "\t")
			inOutput := strings.HasPrefix(line, "// Output:") || output == n-1
			if inOutput {
				output = n
			}
			if inOutput || strings.HasPrefix(line, "//go:") || strings.HasPrefix(line, "//\t") {
				continue // each is as wide as it is
			}
			words := strings.Fields(strings.TrimPrefix(line, "//"))
			if width := utf8.RuneCountInString(line) + 4*(len(lines[n-1])-len(line)); width > mostCommentColumns && len(words) > 1 {
				t.Errorf("%s:%d: a comment of %d columns", path, n, width)
			}
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("%d files were read: %v", files, err)
	}
}

// commentLines are the lines that hold nothing but a comment.
func commentLines(text []byte) (lines []int) {
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, scanner.ScanComments)
	code := 0 // the last line with code
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return lines
		}
		line := file.Line(pos)
		if tok == token.COMMENT && line != code && strings.HasPrefix(literal, "//") {
			lines = append(lines, line)
		} else if tok != token.COMMENT && literal != "\n" {
			code = line + strings.Count(literal, "\n")
		}
	}
}
