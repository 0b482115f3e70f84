package oam

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
)

// What nobody needs may have any shape, and any characters.
func TestWhatNobodyNeedsCostsNothing(t *testing.T) {
	var asJSON, asXML []string
	for c := range 0x20 {
		asJSON = append(asJSON, fmt.Sprintf(`"a%cb"`, c), fmt.Sprintf(`"\%c"`, c))
		if c != '\t' && c != '\n' && c != '\r' {
			asXML = append(asXML, fmt.Sprintf("a%cb", c), fmt.Sprintf("&#%d;", c), fmt.Sprintf("&#x%x;", c))
		}
	}
	asJSON = append(asJSON, "\"\xFF\"", `"\ud800"`, `[]`, `{}`, `[[[{"userId":"x"}]],null,1e999]`, `{"sessions":[{"userId":"x"}],"totalRecords":"x"}`,
		`[["`+strings.Repeat("x", 1<<18)+`"]]`, `{"":{"":""}}`, strings.Repeat("[", 5000)+strings.Repeat("]", 5000))
	asXML = append(asXML, "\xFF", "\xED\xA0\x80", "\uFFFE\uFFFF", "&#xFFFE;", "&#xD800;", "&nbsp;", "&#x110000;", "R&D", "<![CDATA[\x00<&]]>", "<a:b x='\x01<'/>",
		"<sessions><userId>x</userId></sessions><totalRecords/>", "<br />", strings.Repeat("<a>", 5000)+strings.Repeat("</a>", 5000), strings.Repeat("x", 1<<18))
	check := func(t *testing.T, body string) {
		t.Helper()
		got, err := decode([]byte(body), "", "")
		if err != nil || got.total != 1 || len(got.rows) != 1 || got.rows[0] != (row{userID: "nadia"}) {
			t.Errorf("%.200q: got %v %+v, want one row of nadia", body, err, got)
		}
	}
	for _, junk := range asJSON {
		check(t, `{"x":`+junk+`,"totalRecords":1,"sessions":{"x":`+junk+`,"sessionData":[{"userAttributes":`+junk+`,"userId":"nadia","y":`+junk+`}]}}`)
		check(t, `{"totalRecords":{"@type":`+junk+`,"$":1},"sessions":[{"userId":{"@type":`+junk+`,"$":"nadia"}}]}`)
	}
	for _, junk := range asXML {
		check(t, `<SessionResults><x>`+junk+`</x><totalRecords>1</totalRecords><sessions><x>`+junk+`</x><sessionData><userAttributes>`+junk+`</userAttributes><userId>nadia</userId><y>`+junk+`</y></sessionData></sessions></SessionResults>`)
		if !strings.ContainsAny(junk, "<'") {
			check(t, `<SessionResults a='`+junk+`'><!--`+junk+`--><?x `+junk+`?><totalRecords b = "`+junk+`">1</totalRecords><sessions><sessionData><userId>nadia</userId></sessionData></sessions></SessionResults>`)
		}
	}
}

// A character that the format forbids costs itself only, where it is needed.
func TestForbiddenCharactersInNames(t *testing.T) {
	for _, c := range []string{"\x01", "\x00", "\x1f", "\xFF"} {
		for _, other := range []string{"", "\x02", "\xFE"} {
			asJSON, asXML := twoStores(c, other)
			for _, body := range []string{asJSON, asXML} {
				got, err := decode([]byte(body), "", "")
				if err != nil || len(got.rows) != 2 {
					t.Fatalf("%q: got %v, want two rows", body, err)
				}
				a, b := got.rows[0], got.rows[1]
				if a.userID == b.userID || a.idStore == b.idStore || !strings.HasPrefix(a.userID, "u\uFFFD") || strings.ContainsAny(a.userID+b.userID, "\x00\x01\x02\x1f") {
					t.Errorf("got %q and %q, want different ones without control characters", a.userID, b.userID)
				}
			}
		}
	}
	raw, err := decode([]byte("<SessionResults><totalRecords>1</totalRecords><sessions><userId>a\x01</userId></sessions></SessionResults>"), "", "")
	if err != nil {
		t.Fatal(err)
	}
	reference, err := decode([]byte("<SessionResults><totalRecords>1</totalRecords><sessions><userId>a&#1;</userId></sessions></SessionResults>"), "", "")
	if err != nil || raw.rows[0] != reference.rows[0] {
		t.Errorf("got %v %+v, want %+v", err, raw.rows, reference.rows)
	}
}

// A total that is not a number stays an error, however little is wrong with it.
func TestForbiddenCharactersInTheTotal(t *testing.T) {
	for _, body := range []string{
		"{\"totalRecords\":\"1\x01\"}", "{\"totalRecords\":1\xFF}", `{"totalRecords":"\ud8001"}`,
		"<SessionResults><totalRecords>1\x01</totalRecords></SessionResults>", "<SessionResults><totalRecords>1&#1;</totalRecords></SessionResults>",
		"<SessionResults><totalRecords>1&x;</totalRecords></SessionResults>", "<SessionResults><totalRecords>1<x/>2</totalRecords></SessionResults>",
	} {
		if got, err := decode([]byte(body), "", ""); err == nil && got.form == formListing {
			t.Errorf("%q: got total %d, want an error", body, got.total)
		}
	}
}

func TestKeysInAnyCase(t *testing.T) {
	key := regexp.MustCompile(`"[A-Za-z]+":|</?[A-Za-z]+>`)
	want := testRows(5)
	for name, change := range map[string]func(string) string{"lower": strings.ToLower, "upper": strings.ToUpper, "mixed": func(s string) string { return strings.ToUpper(s[:1]) + strings.ToLower(s[1:]) }} {
		for format, body := range map[string][]byte{"JSON": forms()[0].write(7, want), "JSON with a root": forms()[7].write(7, want), "XML": xmlStyle{}.write(7, want)} {
			body = key.ReplaceAllFunc(body, func(k []byte) []byte {
				if string(k) == `"role":` || string(k) == "<role>" {
					return k // the attribute's name is configured, case kept
				}
				return []byte(change(string(k)))
			})
			got, err := decode(body, "", roleAttribute)
			if err != nil || got.total != 7 || !reflect.DeepEqual(got.rows, want) {
				t.Errorf("%s, %s: got %v, want 7 sessions and all rows\n%.500s", format, name, err, body)
			}
		}
	}
}

// A key in the documented case counts more than another that differs by case,
// whichever comes first.
func TestTheDocumentedCaseCountsMore(t *testing.T) {
	for _, body := range []string{
		`{"totalRecords":1,"TotalRecords":9,"sessions":[{"userId":"a","USERID":"x","clientIp":"192.0.2.1","ClientIP":"x"}]}`,
		`{"TotalRecords":9,"totalRecords":1,"sessions":[{"USERID":"x","userId":"a","ClientIP":"x","clientIp":"192.0.2.1"}]}`,
	} {
		got, err := decode([]byte(body), "", "")
		if err != nil || got.total != 1 || got.rows[0] != (row{userID: "a", clientIP: "192.0.2.1"}) {
			t.Errorf("got %v %+v, want one row of a at 192.0.2.1", err, got)
		}
	}
}

func TestLongTextsAreCutAndStayApart(t *testing.T) {
	long := strings.Repeat("ä", 1<<17)
	asJSON, asXML := twoStores(long+"a", long+"b")
	for _, body := range []string{asJSON, asXML} {
		got, err := decode([]byte(body), "", "")
		if err != nil {
			t.Fatal(err)
		}
		a, b := got.rows[0].userID, got.rows[1].userID
		if a == b || len(a) > maxText || len(b) > maxText || !strings.HasPrefix(a, "uääääää") {
			t.Errorf("got %d and %d bytes, want at most %d, and different texts", len(a), len(b), maxText)
		}
	}
	got, err := decode([]byte(`{"totalRecords":1,"sessions":[{"userId":"`+strings.Repeat("x", maxText)+`"}]}`), "", "")
	if err != nil || got.rows[0].userID != strings.Repeat("x", maxText) {
		t.Errorf("got %v, or a cut text, want all as it fits", err)
	}
}

func TestRowsBeyondTheMost(t *testing.T) {
	for _, c := range []struct {
		total, listed int
		reason        session.Reason
	}{{5000, 3000, ""}, {3000, 3000, ""}, {2999, 3000, session.ReasonUntrusted}} {
		body := forms()[0].write(c.total, testRows(c.listed))
		srv, _ := server(t, reply(body))
		got, err := source(t, srv.URL, nil).Snapshot(t.Context(), session.Want{})
		if c.reason != "" {
			if r, _ := session.ReasonOf(err); r != c.reason {
				t.Errorf("%d of %d: got %v, want reason %q", c.listed, c.total, err, c.reason)
			}
			continue
		}
		if err != nil || got.Total != c.total || len(got.Sessions) != maxRows || got.Complete {
			t.Errorf("%d of %d: got %v, want %d listed, not complete", c.listed, c.total, err, maxRows)
		}
	}
}

// The same sessions are read whatever the charset, the case of keys, the form,
// and the junk in what nobody needs.
func FuzzTheSameSessions(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed, []byte("\x00\x01\"\\\xFF<&>&#1;]]>\xFE\xFF\xEF\xBB\xBF'{\"userId\":"))
	}
	all := forms()
	known := regexp.MustCompile("sessionId|userId|clientIp|idStoreName|createTime|updateTime|lastAccessTime|expiryTime|sessionIndex|isImpersonating|userAttributes|attrName|attrValue|sessionData|sessions|totalRecords|SessionResults")
	f.Fuzz(func(t *testing.T, seed uint64, junk []byte) {
		if len(junk) > 1<<12 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 1))
		form := all[r.IntN(len(all))]
		body := form.write(50, testRows(1+r.IntN(4)))
		if body == nil {
			return
		}
		want, err := decode(body, "", roleAttribute)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))
		change := [...]func([]byte) []byte{bytes.ToLower, bytes.ToUpper, bytes.Clone}[r.IntN(3)]
		body = known.ReplaceAllFunc(body, change)
		if key := change([]byte("sessionId")); bytes.TrimSpace(body)[0] == '<' {
			text := bytes.ReplaceAll(junk, []byte("<"), []byte("("))
			body = bytes.ReplaceAll(body, slices.Concat([]byte("<"), key), slices.Concat([]byte("<Junk>"), text, []byte("</Junk><"), key))
		} else {
			text := bytes.ReplaceAll(bytes.ReplaceAll(junk, []byte(`"`), []byte("'")), []byte(`\`), []byte("/"))
			body = bytes.ReplaceAll(body, slices.Concat([]byte(`"`), key, []byte(`":`)), slices.Concat([]byte(`"Junk`), text, []byte(`":"`), text, []byte(`","`), key, []byte(`":`)))
		}
		names := [...]string{"utf-8", "iso-8859-1", "utf-16le", "utf-16be"}
		charset := r.IntN(len(names))
		for i := 0; charset > 1 && i < len(body); i += 2 { // each byte is a character
			body = slices.Insert(body, i+charset&1^1, 0)
		}
		if charset > 1 {
			for i := range len(body) / 2 {
				if body[2*i]|body[2*i+1] == 0xFF && r.IntN(2) == 0 { // only junk has it
					body[2*i], body[2*i+1] = 0xDC, 0xDC
				}
			}
		}
		got, err := decode(body, "x; charset="+names[charset], roleAttribute)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %v\n%+v\nnot\n%+v\n%q", form.name, err, got, want, body)
		}
	})
}

func TestForbiddenXMLCharactersAsText(t *testing.T) {
	for r, want := range map[rune]string{0: "\uFFFD00", 0x1F: "\uFFFD1F", 0xFFFE: "\uFFFDFFFE", 0xD800: "\uFFFDD800", 0xDFFF: "\uFFFDDFFF", 'a': "a", '\t': "\t", 0x10FFFF: "\U0010FFFF"} {
		if got := string(appendCharacter(nil, r)); got != want {
			t.Errorf("%X: got %q, want %q", r, got, want)
		}
	}
}
