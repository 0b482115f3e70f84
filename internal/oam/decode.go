package oam

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
)

// The names that Oracle documents for an answer's parts, the same in JSON and
// XML.
const (
	resultsName  = "SessionResults"
	totalName    = "totalRecords"
	sessionsName = "sessions"
	sessionName  = "sessionData"
)

const maxTotal = 1e9 // more sessions than any server holds

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
	rows  []row // as listed, in their order; those that say nothing are left out

	timeText string // a time as this server writes it; empty where there is none
}

// decode reads an answer by what it is: Oracle documents JSON, but its examples
// show XML, whatever the Content-Type. In JSON it takes every form that the
// mappers of WebLogic's time could make of the documented fields. An error quotes
// nothing of the answer.
func decode(body []byte, contentType, roleAttribute string) (results, error) {
	body = bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))
	body = bytes.Trim(body, " \t\r\n")
	if len(body) == 0 {
		return results{form: formEmptyBody}, nil
	}
	if string(body) == "null" {
		return results{form: formNull}, nil
	}
	var root *node
	var err error
	switch body[0] {
	case '<':
		root, err = parseXML(body)
	case '{':
		root, err = parseJSON(body)
	case '[', '"':
		err = errJSONObject
	default:
		err = errNeither
	}
	if err != nil {
		if kind := mediaType(contentType); kind != "" {
			err = errors.New(err.Error() + " (sent as " + kind + ")")
		}
		return results{}, err
	}
	return interpret(root, roleAttribute)
}

func interpret(root *node, roleAttribute string) (results, error) {
	if n := root.last(resultsName); n != nil {
		root = n
	}
	if n := root.last(totalName); n == nil || n.scalar() == "" {
		f, err := formOf(root)
		return results{form: f}, err
	}
	r := rowReader{roleAttribute: roleAttribute, seen: map[string]string{}}
	for i := range root.kids {
		switch n := &root.kids[i]; n.name {
		case sessionsName, sessionName:
			if err := r.listing(n); err != nil {
				return results{}, err
			}
		}
	}
	total, err := readTotal(root.last(totalName))
	return results{total: total, rows: r.rows, timeText: r.timeText}, err
}

func readTotal(n *node) (int, error) {
	if strings.Trim(n.scalar(), "0123456789+-.eE") != "" { // ParseFloat reads hexadecimal, and names
		return 0, errBadTotal
	}
	f, err := strconv.ParseFloat(n.scalar(), 64) // some mappers write 3.0
	if err != nil || f != math.Trunc(f) || f < 0 || f > maxTotal {
		return 0, errBadTotal
	}
	return int(f), nil
}

// isTrue reads a boolean: true, "true", "TRUE", 1.
func isTrue(text string) bool { return text == "1" || strings.EqualFold(text, "true") }
