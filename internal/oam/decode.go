package oam

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"iam_session_exporter/internal/charset"
)

const (
	maxTotal = 1e9     // more sessions than any server holds
	maxBody  = 2 << 20 // bytes of an answer, as it comes and in UTF-8; 28 sessions are less than 64 KiB
)

var (
	errNeither   = errors.New("the answer is neither JSON nor XML")
	errNoTotal   = errors.New("the answer has no totalRecords, though it has something else")
	errBadTotal  = errors.New("the answer's totalRecords is not a number from 0 to 1e9")
	errBadListed = errors.New("the answer's sessions are not objects")
)

// results is an answer as it came.
type results struct {
	form  form
	total int   // 0 to 1e9; 0 where the form is no listing
	rows  []row // as listed, in their order, at most maxRows; those that say nothing are left out

	unlisted int // sessions listed beyond maxRows

	timeText string // a time as this server writes it; empty where there is none
	linked   bool   // it has a link to a page of results
	xml      bool   // it is XML, not JSON
}

// decode reads an answer by what it is: Oracle documents JSON, but its examples
// show XML, whatever the Content-Type. In JSON it takes every form that the
// mappers of WebLogic's time could make of the documented fields, whose names may
// be in any case. What nobody needs may have any shape and any characters. An
// error quotes nothing of the answer.
func decode(body []byte, contentType, roleAttribute string) (results, error) {
	b := newBuilder(roleAttribute)
	form, err := read(body, contentType, b)
	switch {
	case err == nil && form != formListing:
		return results{form: form}, nil
	case err == nil:
		return b.results()
	}
	if kind := mediaType(contentType); kind != "" {
		err = errors.New(err.Error() + " (sent as " + kind + ")")
	}
	return results{}, err
}

func read(body []byte, contentType string, b *builder) (form, error) {
	body, err := charset.UTF8(charsetOf(body, contentType), body, maxBody)
	if err != nil {
		return 0, err
	}
	body = bytes.Trim(body, " \t\r\n")
	switch {
	case len(body) == 0:
		return formEmptyBody, nil
	case string(body) == "null":
		return formNull, nil
	case body[0] == '<':
		err := walkXML(body, b)
		b.xml = true
		return 0, err
	case body[0] == '{':
		return 0, walkJSON(body, b)
	case body[0] == '[', body[0] == '"':
		return 0, errJSONObject
	}
	return 0, errNeither
}

// charsetOf returns the charset that an answer declares, by its Content-Type or, if
// that names none, its XML declaration; empty if there is none, or none that can
// be true.
func charsetOf(body []byte, contentType string) string {
	name := charset.Declared(contentType)
	if name == "" {
		name = xmlCharset(body)
	}
	if wide := len(name) > 5 && strings.EqualFold(name[:5], "utf-1"); wide && len(body) > 1 && body[0] != 0 && body[1] != 0 {
		return "" // it begins with two characters, not one; or with a byte order mark, which counts anyway
	}
	return name
}

func readTotal(text string) (int, error) {
	if strings.Trim(text, "0123456789+-.eE") != "" { // ParseFloat reads hexadecimal, and names
		return 0, errBadTotal
	}
	f, err := strconv.ParseFloat(text, 64) // some mappers write 3.0
	if err != nil || f != math.Trunc(f) || f < 0 || f > maxTotal {
		return 0, errBadTotal
	}
	return int(f), nil
}

// isTrue reads a boolean: true, "true", "TRUE", 1.
func isTrue(text string) bool { return text == "1" || strings.EqualFold(text, "true") }
