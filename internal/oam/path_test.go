package oam

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The path without its last letter creates sessions on POST and kills them on
// DELETE: no text that the package could build a request from may hold it.
func TestNoPathCreatesSessions(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	singular := regexp.MustCompile(`(?i)session([^a-zA-Z]|$)`)
	paths := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.Imports = nil
		ast.Inspect(f, func(n ast.Node) bool {
			if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
				return false
			}
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				return true
			}
			text, _ := strconv.Unquote(l.Value)
			if strings.Contains(text, "/oam/") {
				paths++
			}
			if strings.Contains(text, "/") && singular.MatchString(text) || strings.Contains(text, "DELETE") || text == "s" {
				t.Errorf("%s: got %q, want no path of a single session, and no DELETE", name, text)
			}
			return true
		})
	}
	if paths != 1 || !strings.HasSuffix(searchPath, "/v1/sessions") {
		t.Errorf("got %d paths, searching at %s, want 1, /v1/sessions", paths, searchPath)
	}
}
