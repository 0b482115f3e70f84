package oam

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

const roleAttribute = "role"

var began = time.Date(2025, 3, 9, 7, 0, 0, 0, time.UTC)

// testRows makes n sessions, some of which lack what may be lacking.
func testRows(n int) []row {
	rows := make([]row, n)
	for i := range rows {
		created := began.Add(time.Duration(i) * time.Minute)
		rows[i] = row{
			sessionID:     fmt.Sprintf("id-%03d|aGFzaA==", i),
			userID:        "user" + strconv.Itoa(i%5),
			clientIP:      fmt.Sprintf("192.0.2.%d", i%7),
			idStore:       "Store" + strconv.Itoa(i%2),
			sessionIndex:  strconv.Itoa(i),
			role:          "role" + strconv.Itoa(i%3),
			impersonating: i%4 == 1,
			created:       created,
			accessed:      created.Add(2 * time.Minute),
			expires:       created.Add(8 * time.Hour),
		}
		if i%6 == 5 {
			rows[i].clientIP, rows[i].expires, rows[i].role = "", time.Time{}, ""
		}
	}
	return rows
}

type object = map[string]any

// style is how a form writes values.
type style struct {
	time  func(time.Time) any
	flag  func(bool) any // nil: left out
	index func(string) any
	attrs func(role string) any // of userAttributes
}

func plain() style {
	return style{
		time: func(t time.Time) any {
			return t.In(time.FixedZone("", -7*3600)).Format("2006-01-02T15:04:05.000Z07:00")
		},
		flag:  func(b bool) any { return b },
		index: func(s string) any { return s },
		attrs: func(role string) any { return object{"mail": "x", roleAttribute: role} },
	}
}

func (st style) row(r row) object {
	o := object{"userId": r.userID, "sessionId": r.sessionID, "idStoreName": r.idStore, "unknownField": object{"a": []any{1, nil}}}
	for k, t := range map[string]time.Time{"createTime": r.created, "updateTime": r.created, "lastAccessTime": r.accessed, "expiryTime": r.expires} {
		if !t.IsZero() {
			o[k] = st.time(t)
		}
	}
	if r.clientIP != "" {
		o["clientIp"] = r.clientIP
	}
	if v := st.flag(r.impersonating); v != nil {
		o["isImpersonating"] = v
	}
	o["sessionIndex"] = st.index(r.sessionIndex)
	if r.role != "" {
		o["userAttributes"] = st.attrs(r.role)
	}
	return o
}

func (st style) rows(rows []row) []any {
	list := make([]any, len(rows))
	for i, r := range rows {
		list[i] = st.row(r)
	}
	return list
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func whole(total any, sessions any) object {
	return object{"firstLink": nil, "totalRecords": total, "sessions": sessions}
}

// dollar wraps every scalar as MOXy and Jettison do beside attributes.
func dollar(v any) any {
	switch v := v.(type) {
	case object:
		o := object{"@type": "any"}
		for k, x := range v {
			o[k] = dollar(x)
		}
		return o
	case []any:
		for i := range v {
			v[i] = dollar(v[i])
		}
		return v
	case nil:
		return nil
	}
	return object{"@type": "xs:any", "$": v}
}

type wireForm struct {
	name string
	// write returns the answer; nil where the form can't say it.
	write func(total int, rows []row) []byte
	// flagless forms don't tell about impersonation.
	flagless bool
}

// forms are all the ways in which OAM may answer.
func forms() []wireForm {
	jsonForm := func(name string, change func(*style), write func(total int, list []any) any) wireForm {
		return wireForm{name: name, write: func(total int, rows []row) []byte {
			st := plain()
			if change != nil {
				change(&st)
			}
			if v := write(total, st.rows(rows)); v != nil {
				return encode(v)
			}
			return nil
		}}
	}
	wrapped := func(total int, list []any) any { return whole(total, object{"sessionData": list}) }
	bare := func(total int, list []any) any { return whole(total, list) }
	styled := func(name string, change func(*style)) wireForm { return jsonForm(name, change, wrapped) }
	attrs := func(name string, f func(role string) any) wireForm {
		return styled("userAttributes as "+name, func(st *style) { st.attrs = f })
	}
	times := func(name string, f func(time.Time) any) wireForm {
		return styled("times as "+name, func(st *style) { st.time = f })
	}
	pair := func(role string) object { return object{"attrName": roleAttribute, "attrValue": role} }
	other := object{"attrName": "mail", "attrValue": "x"}

	list := []wireForm{
		jsonForm("wrapped list", nil, wrapped),
		jsonForm("bare list", nil, bare),
		jsonForm("one collapsed", nil, func(total int, list []any) any {
			if len(list) != 1 {
				return nil
			}
			return whole(total, object{"sessionData": list[0]})
		}),
		jsonForm("one collapsed twice", nil, func(total int, list []any) any {
			if len(list) != 1 {
				return nil
			}
			return whole(total, list[0])
		}),
		jsonForm("list of wrappers", nil, func(total int, list []any) any {
			for i := range list {
				list[i] = object{"sessionData": list[i]}
			}
			return whole(total, list)
		}),
		jsonForm("list of one wrapper", nil, func(total int, list []any) any {
			return whole(total, []any{object{"sessionData": list}})
		}),
		jsonForm("no wrapper", nil, func(total int, list []any) any { return object{"totalRecords": total, "sessionData": list} }),
		jsonForm("root element", nil, func(total int, list []any) any { return object{"SessionResults": wrapped(total, list)} }),
		jsonForm("root element, bare list", nil, func(total int, list []any) any { return object{"SessionResults": bare(total, list)} }),
		jsonForm("total as a text", nil, func(total int, list []any) any {
			return whole(" "+strconv.Itoa(total)+" ", object{"sessionData": list})
		}),
		jsonForm("total as a float", nil, func(total int, list []any) any {
			return whole(json.RawMessage(strconv.Itoa(total)+".0"), object{"sessionData": list})
		}),
		jsonForm("total in scientific notation", nil, func(total int, list []any) any {
			return whole(strconv.FormatFloat(float64(total), 'e', -1, 64), object{"sessionData": list})
		}),
		jsonForm("everything in dollars", nil, func(total int, list []any) any { return dollar(wrapped(total, list)) }),

		styled("flags as lower texts", func(st *style) { st.flag = func(b bool) any { return strconv.FormatBool(b) } }),
		styled("flags as upper texts", func(st *style) { st.flag = func(b bool) any { return strings.ToUpper(strconv.FormatBool(b)) } }),
		styled("index as a number", func(st *style) { st.index = func(s string) any { return json.Number(s) } }),

		times("Z", func(t time.Time) any { return t.Format(time.RFC3339) }),
		times("zone without a colon", func(t time.Time) any { return t.In(time.FixedZone("", 5400)).Format("2006-01-02T15:04:05.000Z0700") }),
		times("UTC without a colon", func(t time.Time) any { return t.Format("2006-01-02T15:04:05") + "+0000" }),
		times("milliseconds", func(t time.Time) any { return t.UnixMilli() }),
		times("milliseconds, text", func(t time.Time) any { return strconv.FormatInt(t.UnixMilli(), 10) }),
		times("milliseconds, float", func(t time.Time) any { return json.RawMessage(fmt.Sprintf("%.12E", float64(t.UnixMilli()))) }),
		times("seconds", func(t time.Time) any { return t.Unix() }),
		times("seconds and nanoseconds", func(t time.Time) any { return json.RawMessage(fmt.Sprintf("%d.000000000", t.Unix())) }),

		attrs("a list of pairs", func(role string) any { return []any{other, pair(role)} }),
		attrs("one pair", func(role string) any { return pair(role) }),
		attrs("an object of collections", func(role string) any { return object{"x": []any{other, pair(role)}} }),
		attrs("nameValueAttribute", func(role string) any { return object{"nameValueAttribute": pair(role)} }),
		attrs("NameValueAttribute", func(role string) any { return object{"NameValueAttribute": []any{pair(role), other}} }),
		attrs("userAttribute", func(role string) any { return object{"userAttribute": []any{pair(role), other}} }),
		attrs("a map to pairs", func(role string) any { return object{roleAttribute: pair(role), "mail": other} }),
		attrs("a map to lists", func(role string) any { return object{roleAttribute: []any{role, "second"}} }),
		attrs("a map to lists of pairs", func(role string) any { return object{roleAttribute: []any{pair(role)}} }),
		attrs("many values", func(role string) any {
			return []any{object{"attrName": roleAttribute, "attrValue": []any{nil, "", role, "second"}}}
		}),
		attrs("entries", func(role string) any { return object{"entry": []any{object{"key": roleAttribute, "value": role}}} }),
		attrs("entries of pairs", func(role string) any { return object{"entry": object{"key": roleAttribute, "value": pair(role)}} }),
	}

	flagless := styled("no flags", func(st *style) { st.flag = func(bool) any { return nil } })
	flagless.flagless = true
	list = append(list, flagless)

	for name, none := range map[string]any{"null": nil, "empty text": "", "empty object": object{}, "empty list": []any{}, "null inside": object{"sessionData": nil}, "empty text inside": object{"sessionData": ""}} {
		list = append(list, jsonForm("none as "+name, nil, func(total int, list []any) any {
			if len(list) > 0 {
				return nil
			}
			return whole(total, none)
		}))
	}
	list = append(list, jsonForm("none as absent", nil, func(total int, list []any) any {
		if len(list) > 0 {
			return nil
		}
		return object{"totalRecords": total}
	}))

	jsonBase := list[0].write
	list = append(list,
		wireForm{name: "JSON after a byte order mark and blanks", write: func(total int, rows []row) []byte {
			return append([]byte("\xEF\xBB\xBF \r\n\t"), jsonBase(total, rows)...)
		}},
		wireForm{name: "JSON with keys twice", write: func(total int, rows []row) []byte {
			b := bytes.TrimSpace(jsonBase(total, rows))
			return []byte(`{"totalRecords":99,"sessions":null,` + string(b[1:len(b)-1]) + `,` + string(b[1:]))
		}},
		wireForm{name: "JSON, indented", write: func(total int, rows []row) []byte {
			var b bytes.Buffer
			if err := json.Indent(&b, jsonBase(total, rows), "", "\t"); err != nil {
				panic(err)
			}
			return b.Bytes()
		}},
	)

	xmlForm := func(name string, x xmlStyle) wireForm {
		return wireForm{name: "XML, " + name, write: x.write}
	}
	return append(list,
		xmlForm("as in Oracle's examples", xmlStyle{head: `<?xml version="1.0" encoding="UTF-8"?> `, sep: " "}),
		xmlForm("no prolog", xmlStyle{}),
		xmlForm("byte order mark, indented", xmlStyle{head: "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8' standalone='yes'?>\r\n", sep: "\r\n  "}),
		xmlForm("default namespace and attributes", xmlStyle{rootAttrs: ` xmlns="http://example.com/sso" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`, attrs: ` xsi:type="any"`, sep: "\n"}),
		xmlForm("prefixes", xmlStyle{prefix: "ns2:", rootAttrs: ` xmlns:ns2="http://example.com/sso"`}),
		xmlForm("comments and character data", xmlStyle{cut: true, sep: "<!-- a -->"}),
		xmlForm("Latin-1", xmlStyle{head: `<?xml version="1.0" encoding="ISO-8859-1"?>`}),
		xmlForm("US-ASCII", xmlStyle{head: `<?xml version="1.0" encoding="US-ASCII"?>`}),
		xmlForm("lower root", xmlStyle{root: "sessionResults"}),
		xmlForm("rows without a wrapper", xmlStyle{unwrapped: true}),
	)
}

// xmlStyle writes XML by hand, as encoding/xml can't write most of these.
type xmlStyle struct {
	head, sep, prefix, root, rootAttrs, attrs string

	cut       bool // texts in pieces
	unwrapped bool // a sessions element is a session
}

func (x xmlStyle) write(total int, rows []row) []byte {
	var b strings.Builder
	b.WriteString(x.head)
	open := func(name, attrs string) { fmt.Fprintf(&b, "<%s%s%s>%s", x.prefix, name, attrs, x.sep) }
	shut := func(name string) { fmt.Fprintf(&b, "</%s%s>%s", x.prefix, name, x.sep) }
	leaf := func(name, text string) {
		var esc bytes.Buffer
		xml.EscapeText(&esc, []byte(text))
		s := esc.String()
		if x.cut && len(text) > 1 {
			s = text[:1] + "<!-- x --><![CDATA[" + text[1:] + "]]>"
		}
		fmt.Fprintf(&b, "<%s%s%s>%s</%s%s>%s", x.prefix, name, x.attrs, s, x.prefix, name, x.sep)
	}
	root, listed := "SessionResults", "sessionData"
	if x.root != "" {
		root = x.root
	}
	if x.unwrapped {
		listed = "sessions"
	}
	open(root, x.rootAttrs)
	leaf("totalRecords", strconv.Itoa(total))
	if !x.unwrapped {
		open("sessions", "")
	}
	for _, r := range rows {
		open(listed, x.attrs)
		leaf("sessionId", r.sessionID)
		for name, t := range map[string]time.Time{"createTime": r.created, "updateTime": r.created, "lastAccessTime": r.accessed, "expiryTime": r.expires} {
			if !t.IsZero() {
				leaf(name, plain().time(t).(string))
			}
		}
		leaf("userId", r.userID)
		leaf("clientIp", r.clientIP)
		leaf("idStoreName", r.idStore)
		leaf("sessionIndex", r.sessionIndex)
		leaf("isImpersonating", strconv.FormatBool(r.impersonating))
		open("userAttributes", "")
		for _, a := range [][2]string{{"mail", "x"}, {roleAttribute, r.role}, {roleAttribute, "second"}} {
			if r.role != "" {
				open("nameValueAttribute", "")
				leaf("attrName", a[0])
				leaf("attrValue", a[1])
				shut("nameValueAttribute")
			}
		}
		shut("userAttributes")
		leaf("unknownField", "")
		shut(listed)
	}
	if !x.unwrapped {
		shut("sessions")
	}
	shut(root)
	return []byte(b.String())
}

func TestEveryFormSaysTheSame(t *testing.T) {
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			said := 0
			for _, size := range []struct{ total, listed int }{{0, 0}, {1, 1}, {2, 2}, {27, 27}, {28, 28}, {40, 28}} {
				want := testRows(size.listed)
				body := f.write(size.total, testRows(size.listed))
				if body == nil {
					continue
				}
				said++
				if f.flagless {
					for i := range want {
						want[i].impersonating = false
					}
				}
				got, err := decode(body, "application/json", roleAttribute)
				if err != nil {
					t.Fatalf("%d of %d: got %v, want no error\n%.400s", size.listed, size.total, err, body)
				}
				if got.total != size.total {
					t.Errorf("%d of %d: got total %d, want %d", size.listed, size.total, got.total, size.total)
				}
				got.rows = distinct(got.rows)
				if len(got.rows) != len(want) {
					t.Fatalf("%d of %d: got %d rows, want %d\n%.400s", size.listed, size.total, len(got.rows), len(want), body)
				}
				for i := range want {
					if !reflect.DeepEqual(got.rows[i], want[i]) {
						t.Fatalf("%d of %d: row %d is\n%+v, not\n%+v\n%.900s", size.listed, size.total, i, got.rows[i], want[i], body)
					}
				}
			}
			if said == 0 {
				t.Errorf("got a form that says nothing, want some of a row")
			}
		})
	}
}
