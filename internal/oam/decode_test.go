package oam

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unsafe"
)

func TestSampleOfXML(t *testing.T) {
	body, err := os.ReadFile("testdata/sample.xml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(body, "application/json", "")
	if err != nil {
		t.Fatal(err)
	}
	if got.total != 3 || len(got.rows) != 3 {
		t.Fatalf("got total %d, %d rows, want 3, 3", got.total, len(got.rows))
	}
	want := row{
		sessionID:     "5e1f7a90-77d2-4b5b-8c7e-20a3b6f9d022|q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=",
		userID:        "nadia",
		clientIP:      "198.51.100.4",
		idStore:       "StaffDirectory",
		impersonating: true,
		created:       time.Date(2025, 3, 9, 6, 59, 30, 0, time.UTC),
		accessed:      time.Date(2025, 3, 9, 6, 59, 30, 0, time.UTC),
	}
	if got.rows[1] != want {
		t.Errorf("got\n%+v, want\n%+v", got.rows[1], want)
	}
	if u := got.rows[2].userID; u != "Olaf" {
		t.Errorf("got user %q, want Olaf with its case kept", u)
	}
}

func utf16le(s string) []byte {
	b := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// canary stands wherever an answer holds something that must not be repeated.
const canary = "s3cr3t-canary"

func TestWhatIsNoListing(t *testing.T) {
	good := string(forms()[0].write(2, testRows(2)))
	goodXML := string(xmlStyle{}.write(2, testRows(2)))
	for _, c := range []struct{ name, body, want string }{
		{"empty", "", "the answer is empty"},
		{"blank", " \r\n\t", "the answer is empty"},
		{"only a byte order mark", "\xEF\xBB\xBF", "the answer is empty"},
		{"text", "Service " + canary, "neither JSON nor XML"},
		{"number", "42", "neither JSON nor XML"},
		{"null", "null", "is null"},
		{"JSON text", `"` + canary + `"`, "not an object"},
		{"JSON list", `[{"totalRecords":1}]`, "not an object"},
		{"truncated JSON", good[:len(good)/2], "ends in the middle"},
		{"JSON without its end", strings.TrimSpace(good)[:len(good)-2], "ends in the middle"},
		{"broken JSON", `{"totalRecords":1,"` + canary + `":}`, "not valid JSON near byte"},
		{"brackets that don't match", `{"totalRecords":0,"sessions":[}`, "not valid JSON"},
		{"two JSON objects", good + good, "not valid JSON"},
		{"JSON and text", good + canary, "not valid JSON"},
		{"no total", `{"sessions":[]}`, "has no totalRecords"},
		{"an error in JSON", `{"error":"` + canary + `"}`, "has no totalRecords"},
		{"null total", `{"totalRecords":null,"sessions":[]}`, "has no totalRecords"},
		{"empty total", `{"totalRecords":"","sessions":[]}`, "has no totalRecords"},
		{"total is an empty object", `{"totalRecords":{}}`, "has no totalRecords"},
		{"total is a text", `{"totalRecords":"` + canary + `"}`, "is not a number"},
		{"total is true", `{"totalRecords":true}`, "is not a number"},
		{"negative total", `{"totalRecords":-1}`, "is not a number from 0"},
		{"half a session", `{"totalRecords":1.5}`, "is not a number"},
		{"absurd total", `{"totalRecords":1000000001}`, "to 1e9"},
		{"huge total", `{"totalRecords":1e400}`, "to 1e9"},
		{"infinite total", `{"totalRecords":"Infinity"}`, "is not a number"},
		{"total is not a number", `{"totalRecords":"NaN"}`, "is not a number"},
		{"hexadecimal total", `{"totalRecords":"0x1p3"}`, "is not a number"},
		{"sessions is a text", `{"totalRecords":1,"sessions":"` + canary + `"}`, "sessions are not objects"},
		{"sessions is a number", `{"totalRecords":1,"sessions":1}`, "sessions are not objects"},
		{"sessions are texts", `{"totalRecords":1,"sessions":{"sessionData":["` + canary + `"]}}`, "sessions are not objects"},
		{"sessions is false", `{"totalRecords":1,"sessions":false}`, "sessions are not objects"},
		{"deep JSON", `{"a":` + strings.Repeat("[", 1e6), "nested too deeply"},

		{"login page", "<!DOCTYPE html>\n<html><body>" + canary + "<br></body></html>", "HTML"},
		{"login page without a type", "<html><head><meta></head>" + canary, "not a SessionResults (sent as text/html)"},
		{"other XML", `<?xml version="1.0"?><Error>` + canary + `</Error>`, "not a SessionResults"},
		{"truncated XML", goodXML[:len(goodXML)/2], "ends in the middle"},
		{"XML without its end", strings.TrimSuffix(goodXML, "</SessionResults>"), "ends in the middle"},
		{"only a prolog", `<?xml version="1.0"?>`, "ends in the middle"},
		{"broken XML", `<SessionResults><totalRecords>` + canary + `</sessions></SessionResults>`, "not valid XML near byte"},
		{"two roots", goodXML + goodXML, "not a SessionResults"},
		{"XML and text", goodXML + canary, "not a SessionResults"},
		{"XML without a total", `<SessionResults><sessions/></SessionResults>`, "has no totalRecords"},
		{"XML with an empty total", `<SessionResults><totalRecords/></SessionResults>`, "has no totalRecords"},
		{"XML with two totals in one", `<SessionResults><totalRecords>1 2</totalRecords></SessionResults>`, "is not a number"},
		{"XML sessions are text", `<SessionResults><totalRecords>1</totalRecords><sessions>` + canary + `</sessions></SessionResults>`, "sessions are not objects"},
		{"external entity", `<?xml version="1.0"?><!DOCTYPE SessionResults [<!ENTITY x SYSTEM "file:///etc/hostname">]><SessionResults><totalRecords>&x;</totalRecords></SessionResults>`, "document type"},
		{"expanding entity", `<!DOCTYPE s [<!ENTITY a "1"><!ENTITY b "&a;&a;&a;">]><SessionResults><totalRecords>&b;</totalRecords></SessionResults>`, "document type"},
		{"unknown entity", `<SessionResults><totalRecords>&` + "canary" + `;</totalRecords></SessionResults>`, "not valid XML"},
		{"document type inside", `<SessionResults><!DOCTYPE x><totalRecords>1</totalRecords></SessionResults>`, "document type"},
		{"deep XML", `<SessionResults>` + strings.Repeat("<a>", 1e5), "nested too deeply"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decode([]byte(c.body), "text/html; charset="+canary, roleAttribute)
			if err == nil && got.form != formListing {
				err = got.form
			}
			if err == nil {
				t.Fatalf("got no error with %d of %d, want one", len(got.rows), got.total)
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) || len(err.Error()) > 150 {
				t.Errorf("error %q, want one with %q", err, c.want)
			}
		})
	}
}

func TestOddButReadable(t *testing.T) {
	for _, c := range []struct {
		name, body  string
		total, rows int
	}{
		{"empty rows are no sessions", `{"totalRecords":3,"sessions":[{},{"isImpersonating":true},null,{"userId":"a"}]}`, 3, 1},
		{"row with a time only", `{"totalRecords":1,"sessions":[{"createTime":"2025-03-09T07:00:00Z"}]}`, 1, 1},
		{"lists in lists", `{"totalRecords":2,"sessions":[[{"userId":"a"}],[{"userId":"b"}]]}`, 2, 2},
		{"numbers for texts", `{"totalRecords":1,"sessions":[{"userId":7,"clientIp":8,"sessionId":9}]}`, 1, 1},
		{"invalid UTF-8", "{\"totalRecords\":1,\"sessions\":[{\"userId\":\"a\xFF\"}]}", 1, 1},
		{"rows without a total of as many", `{"totalRecords":0,"sessions":[{"userId":"a"}]}`, 0, 1},
		{"empty XML sessions", `<SessionResults><totalRecords>0</totalRecords><sessions/></SessionResults>`, 0, 0},
		{"an answer in SessionResults, with a total beside it", `{"SessionResults":{"totalRecords":2,"sessions":null},"totalRecords":"x"}`, 2, 0},
		{"many values that nobody needs", `{"totalRecords":1,"sessions":[` + strings.Repeat("{},", 3e5) + `{"userId":"a"}]}`, 1, 1},
		{"deep values that nobody needs", `{"totalRecords":1,"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `,"sessions":[{"userId":"a"}]}`, 1, 1},
		{"many elements that nobody needs", `<SessionResults><totalRecords>1</totalRecords>` + strings.Repeat("<a/>", 3e5) + `</SessionResults>`, 1, 0},
		{"deep elements that nobody needs", `<SessionResults><totalRecords>1</totalRecords>` + strings.Repeat("<a>", 9000) + strings.Repeat("</a>", 9000) + `</SessionResults>`, 1, 0},
		{"many XML attributes", `<SessionResults` + strings.Repeat(` a=""`, 3e5) + `><totalRecords>1</totalRecords></SessionResults>`, 1, 0},
		{"null root beside it", `{"SessionResults":{"totalRecords":2,"sessions":null}}`, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decode([]byte(c.body), "", roleAttribute)
			if err != nil {
				t.Fatal(err)
			}
			if got.total != c.total || len(got.rows) != c.rows {
				t.Errorf("%d of %d, want %d of %d", len(got.rows), got.total, c.rows, c.total)
			}
		})
	}
}

func TestLatin1Names(t *testing.T) {
	body := "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><SessionResults><totalRecords>1</totalRecords><sessions><sessionData><userId>J\xFCrgen</userId></sessionData></sessions></SessionResults>"
	got, err := decode([]byte(body), "", "")
	if err != nil || got.rows[0].userID != "Jürgen" {
		t.Fatalf("got %v %+v, want user Jürgen", err, got)
	}
}

func TestRolesAreReadOnlyWhereTheyAreNamed(t *testing.T) {
	body := forms()[0].write(2, testRows(2))
	for _, name := range []string{"", "Role", "absent"} {
		got, err := decode(body, "", name)
		if err != nil || got.rows[0].role != "" {
			t.Errorf("%q: got %v %q, want no role", name, err, got.rows[0].role)
		}
	}
}

func TestOneStringForEachStore(t *testing.T) {
	got, err := decode(forms()[0].write(28, testRows(28)), "", roleAttribute)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]*byte{}
	for _, r := range got.rows {
		if known := at[r.idStore]; known != nil && known != unsafe.StringData(r.idStore) {
			t.Fatalf("got a store's name kept twice, want once")
		}
		at[r.idStore] = unsafe.StringData(r.idStore)
	}
}
