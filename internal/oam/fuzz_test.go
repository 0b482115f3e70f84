package oam

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"iam_session_exporter/internal/session"
)

func fuzz(f *testing.F, walk, reference func([]byte, *builder) error, isSeed func([]byte) bool) {
	for _, form := range forms() {
		for _, size := range []int{0, 1, 2} {
			if body := form.write(size, testRows(size)); body != nil && isSeed(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))) {
				f.Add(body, "application/json")
			}
		}
	}
	samples, _ := filepath.Glob("testdata/sample.*")
	for _, name := range samples {
		if body, err := os.ReadFile(name); err == nil && isSeed(body) {
			f.Add(body, "")
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		if len(body) > 1<<20 {
			return
		}
		if b := newBuilder(roleAttribute); walk(body, b) == nil && len(b.open) != 1 {
			t.Fatalf("got a value left open, want all closed")
		}
		if utf8.Valid(body) {
			compare(t, body, walk, reference)
		}
		got, err := decode(body, contentType, roleAttribute)
		if err != nil {
			if got.rows != nil || got.total != 0 || got.form != formListing {
				t.Fatalf("got an answer and an error, want one of them")
			}
			if len(err.Error()) > 150 || strings.ContainsAny(err.Error(), "\n\x00\"") {
				t.Fatalf("got %q, want a short error without quotes or line breaks", err)
			}
			return
		}
		if got.total < 0 || got.total > maxTotal || len(got.rows) > maxRows || got.form != formListing && (got.total != 0 || got.rows != nil) {
			t.Fatalf("got total %d, %d rows, form %d, want them bounded, and a form or an answer", got.total, len(got.rows), got.form)
		}
		listed := len(got.rows)
		rows := distinct(got.rows)
		if len(rows) > listed {
			t.Fatalf("got %d distinct rows, want at most %d", len(rows), listed)
		}
		j := converter{idleTimeout: time.Minute, lifetime: time.Hour, hasher: session.NewHasher()}
		for i := range rows {
			if rows[i].identity() == (identity{}) {
				t.Fatalf("got a row that says nothing, want none")
			}
			for _, s := range []string{rows[i].sessionID, rows[i].userID, rows[i].clientIP, rows[i].idStore, rows[i].role} {
				if len(s) > maxText || !utf8.ValidString(s) {
					t.Fatalf("got %q, want at most %d bytes of UTF-8", s, maxText)
				}
			}
			s := j.session(&rows[i], began)
			if s.ID == 0 || s.Status != session.Active && s.Status != session.Idle && s.Status != session.Expired && s.Status != session.Unknown {
				t.Fatalf("got %+v, want an ID and a known status", s)
			}
			if (s.Status == session.Expired) != passed(s.Expires, began) {
				t.Fatalf("got %+v, want expired if and only if its expiry passed", s)
			}
		}
	})
}

// compare checks that what the standard library can read is read alike.
func compare(t *testing.T, body []byte, walk, reference func([]byte, *builder) error) {
	got, want := newBuilder(roleAttribute), newBuilder(roleAttribute)
	err := walk(body, got)
	if reference(body, want) != nil || errors.Is(err, errDeep) {
		return
	}
	if err != nil {
		t.Fatalf("got %v, want no error as the standard library can read it", err)
	}
	a, err := got.results()
	b, err2 := want.results()
	if !reflect.DeepEqual(a, b) || (err == nil) != (err2 == nil) {
		t.Fatalf("got %+v %v\nwant %+v %v", a, err, b, err2)
	}
}

func jsonReference(body []byte, b *builder) error {
	if bytes.Contains(bytes.ToLower(body), []byte(`\ud`)) {
		return errors.New("half a surrogate pair may be in it, which encoding/json does not keep")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var object func() error
	var value func(k key, needed bool) error
	object = func() error {
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			if err := value(b.want([]byte(name.(string)))); err != nil {
				return err
			}
		}
		_, err := dec.Token()
		return err
	}
	value = func(k key, needed bool) error {
		if !needed {
			return dec.Decode(new(json.RawMessage))
		}
		token, err := dec.Token()
		if err != nil {
			return err
		}
		if token == json.Delim('[') {
			none := true
			for dec.More() {
				if err := value(k, true); err != nil {
					return err
				}
				none = false
			}
			if _, err := dec.Token(); err != nil || !none {
				return err
			}
			token = nil
		}
		if err := b.enter(k); err != nil {
			return err
		}
		switch token := token.(type) {
		case json.Delim:
			if err := object(); err != nil {
				return err
			}
		case nil:
		default:
			return b.leave([]byte(fmt.Sprint(token)))
		}
		return b.leave(nil)
	}
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return errJSONObject
	}
	if err := object(); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errJSONObject
	}
	return nil
}

func xmlReference(body []byte, b *builder) error {
	dec := xml.NewDecoder(bytes.NewReader(body))
	var element func() ([]byte, error)
	element = func() (text []byte, err error) {
		for {
			token, err := dec.Token()
			if err != nil {
				return nil, err
			}
			switch token := token.(type) {
			case xml.Directive:
				return nil, errDocType
			case xml.CharData:
				text = append(text, token...)
			case xml.EndElement:
				return text, nil
			case xml.StartElement:
				k, needed := b.want([]byte(token.Name.Local))
				if !needed {
					if err := dec.Skip(); err != nil {
						return nil, err
					}
					continue
				}
				if err := b.enter(k); err != nil {
					return nil, err
				}
				inner, err := element()
				if err != nil {
					return nil, err
				}
				if err := b.leave(inner); err != nil {
					return nil, err
				}
			}
		}
	}
	for rooted := false; ; {
		token, err := dec.Token()
		if err == io.EOF && rooted {
			return nil
		} else if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.Directive:
			return errDocType
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return errXMLRoot
			}
		case xml.StartElement:
			if rooted || !strings.EqualFold(token.Name.Local, "SessionResults") {
				return errXMLRoot
			}
			rooted = true
			text, err := element()
			if err != nil {
				return err
			}
			b.end(text)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{
		`{"totalRecords":"3.0","sessions":""}`, `{"totalRecords":1,"sessions":[{"createTime":1e300}]}`, `{"totalRecords":1,"sessions":[[{"userId":{"$":1}}]]}`,
		`{"TOTALRECORDS":2,"Sessions":{"sessiondata":[{"userid":"a","UserId":"b","userId":"c"},{"clientIp":["192.0.2.1",null,"x"]}]}}`,
		"{\"totalRecords\":1,\"sessions\":[{\"userId\":\"a\xFF\x01\",\"x\":\"\x00\"}]}", `{"a\u0062":[{},[],"\\\"",1e5]}`,
		`{"sessions":null}`, `{"SessionResults":null}`, `{}`, `null`, "",
	} {
		f.Add([]byte(s), "application/json; charset=iso-8859-1")
		f.Add([]byte(s), "")
		f.Add(utf16le(s), "application/json; charset=utf-16")
	}
	fuzz(f, walkJSONObject, jsonReference, func(b []byte) bool { return b[0] != '<' })
}

// walkJSONObject is walkJSON for what may be anything.
func walkJSONObject(body []byte, b *builder) error {
	if body = bytes.Trim(body, " \t\r\n"); !bytes.HasPrefix(body, []byte("{")) {
		return errJSONObject
	}
	return walkJSON(body, b)
}

func FuzzDecodeXML(f *testing.F) {
	for _, s := range []string{
		`<SessionResults><totalRecords>&#49;</totalRecords></SessionResults>`, `<!DOCTYPE html><html>`, `<?xml version="1.0" encoding="latin1"?><SessionResults/>`,
		`<a:sessionresults xmlns:a='x' b="<>"><a:TOTALRECORDS>1<!-- > --></a:TOTALRECORDS ><a:x y = '&z;'/></a:sessionresults>`,
		"<SessionResults><totalRecords>1</totalRecords><sessions><userId>a\r\nb\x01&#2;&#xD800;<![CDATA[&lt;]]></userId><x>&y;\x00</x></sessions></SessionResults>",
		`<?xml version="1.1" encoding='utf-16'?><SessionResults><sessions/></SessionResults>`,
	} {
		f.Add([]byte(s), "application/xml; charset=iso-8859-1")
		f.Add([]byte(s), "")
		f.Add(utf16le(s), "")
	}
	fuzz(f, walkXML, xmlReference, func(b []byte) bool { return b[0] == '<' })
}

func FuzzTimes(f *testing.F) {
	for _, s := range []string{"", "0", "1e12", "2017-05-31T13:56:19.000-07:00", "2017-05-31T13:56:19+0000", "9999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := parseTime(s)
		if !at.IsZero() && (!ok || at.Unix() <= 0) {
			t.Fatalf("%q: got %s %v, want a time after 1970, or none", s, at, ok)
		}
	})
}
