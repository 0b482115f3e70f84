package oam

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

func fuzz(f *testing.F, parse func([]byte) (*node, error), isSeed func([]byte) bool) {
	for _, form := range forms() {
		for _, size := range []int{0, 1, 2} {
			if body := form.write(size, testRows(size)); body != nil && isSeed(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))) {
				f.Add(body)
			}
		}
	}
	samples, _ := filepath.Glob("testdata/sample.*")
	for _, name := range samples {
		if body, err := os.ReadFile(name); err == nil && isSeed(body) {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 1<<20 {
			return
		}
		if root, err := parse(body); err == nil {
			if root == nil {
				t.Fatal("neither a tree nor an error")
			}
			if n, d := measure(root); n > maxNodes || d > maxDepth+1 {
				t.Fatalf("%d values, %d deep", n, d)
			}
		} else if root != nil || len(err.Error()) > 150 || strings.ContainsAny(err.Error(), "\n\x00\"") {
			t.Fatalf("%q", err)
		}
		got, err := decode(body, "", roleAttribute)
		if err != nil {
			if got.rows != nil && got.total != 0 {
				t.Fatal("an answer and an error")
			}
			return
		}
		if got.total < 0 || got.total > maxTotal {
			t.Fatalf("total %d", got.total)
		}
		listed := len(got.rows)
		rows := distinct(got.rows)
		if len(rows) > listed {
			t.Fatal("more distinct rows than rows")
		}
		j := judge{idleTimeout: time.Minute, lifetime: time.Hour, hasher: session.NewHasher()}
		for i := range rows {
			if rows[i].identity() == (identity{}) {
				t.Fatal("a row that says nothing")
			}
			s := j.session(&rows[i], began)
			if s.ID == 0 || s.Status != session.Active && s.Status != session.Idle && s.Status != session.Expired {
				t.Fatalf("%+v", s)
			}
			if (s.Status == session.Expired) != passed(s.Expires, began) {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func measure(n *node) (count, depth int) {
	for i := range n.kids {
		c, d := measure(&n.kids[i])
		count, depth = count+c, max(depth, d)
	}
	return count + 1, depth + 1
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"totalRecords":"3.0","sessions":""}`, `{"totalRecords":1,"sessions":[{"createTime":1e300}]}`, `{"totalRecords":1,"sessions":[[{"userId":{"$":1}}]]}`} {
		f.Add([]byte(s))
	}
	fuzz(f, parseJSON, func(b []byte) bool { return b[0] != '<' })
}

func FuzzDecodeXML(f *testing.F) {
	for _, s := range []string{`<SessionResults><totalRecords>&#49;</totalRecords></SessionResults>`, `<!DOCTYPE html><html>`, `<?xml version="1.0" encoding="latin1"?><SessionResults/>`} {
		f.Add([]byte(s))
	}
	fuzz(f, parseXML, func(b []byte) bool { return b[0] == '<' })
}

func FuzzTimes(f *testing.F) {
	for _, s := range []string{"", "0", "1e12", "2017-05-31T13:56:19.000-07:00", "2017-05-31T13:56:19+0000", "9999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := parseTime(s)
		if !at.IsZero() && (!ok || at.Unix() <= 0) {
			t.Fatalf("%q: %s %v", s, at, ok)
		}
	})
}
