package detection

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Detections are logic on values: no I/O, no clock, nothing of this program but
// what a session is.
func TestImports(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range p.Imports {
		first, _, _ := strings.Cut(path, "/")
		ours := strings.HasPrefix(path, "iam_session_exporter/")
		switch {
		case ours && path != "iam_session_exporter/internal/session",
			!ours && strings.Contains(first, "."),
			slices.Contains([]string{"net", "net/http", "os", "io", "log", "log/slog", "context", "math/rand", "math/rand/v2"}, path):
			t.Errorf("imports %s; want values only", path)
		}
	}
	for _, file := range p.GoFiles {
		eachSelector(t, file, func(x *ast.SelectorExpr, at token.Position) {
			if id, ok := x.X.(*ast.Ident); ok && id.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Sleep", "NewTimer", "NewTicker"}, x.Sel.Name) {
				t.Errorf("%s: uses time.%s; want the time as an argument", at, x.Sel.Name)
			}
		})
	}
}

// Names are opened in three places: where they are compared, where pseudonyms are
// made of them, and where annotations are. In a fourth they go back to where they
// came from: an OAM that lists only a part is asked for a user by the name.
func TestNamesAreOpenedInFourPlaces(t *testing.T) {
	want := []string{"internal/detection/annotations.go", "internal/detection/match.go", "internal/detection/pseudonym.go", "internal/oam/users.go"}
	const root = "../.."
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root && d.Name() != ".." || d.Name() == "node_modules" || d.Name() == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		eachSelector(t, path, func(x *ast.SelectorExpr, at token.Position) {
			if x.Sel.Name != "Open" {
				return
			}
			if id, ok := x.X.(*ast.Ident); ok && slices.Contains([]string{"os", "net"}, id.Name) {
				return
			}
			file, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			seen[filepath.ToSlash(file)] = true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for file := range seen {
		got = append(got, file)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("names are opened in %v, want %v", got, want)
	}
}

func eachSelector(t *testing.T, path string, visit func(*ast.SelectorExpr, token.Position)) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.ExprStmt); ok { // its value is not used: it opens something else
			if call, ok := s.X.(*ast.CallExpr); ok && len(call.Args) == 0 {
				return false
			}
		}
		if x, ok := n.(*ast.SelectorExpr); ok {
			visit(x, files.Position(x.Pos()))
		}
		return true
	})
}
