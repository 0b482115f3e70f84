package charset

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// CleanJSON returns a copy of a JSON document without the raw control characters
// that JSON forbids: blanks stand for those between values, and within a string
// U+FFFD followed by the value in hexadecimal. It returns nil if there are none, or
// if the copy would be larger than limit bytes.
func CleanJSON(doc []byte, limit int) []byte {
	var out []byte
	copied, inString, escaped := 0, false, false
	for i := range doc {
		c, after := doc[i], escaped
		escaped = c == '\\' && inString && !after
		switch {
		case c == '"' && !after:
			inString = !inString
		case c >= ' ', !inString && (c == '\n' || c == '\r' || c == '\t'):
		default:
			if out == nil {
				out = room(len(doc), limit)
			}
			out = standIn(append(out, doc[copied:i]...), c, inString, after)
			if copied = i + 1; len(out) > limit {
				return nil
			}
		}
	}
	if out == nil || len(out)+len(doc)-copied > limit {
		return nil
	}
	return append(out, doc[copied:]...)
}

// standIn appends what stands for a control character.
func standIn(out []byte, c byte, inString, escaped bool) []byte {
	switch {
	case !inString:
		return append(out, ' ')
	case escaped: // the backslash would escape what comes in its place
		return escape(append(out, '\\'), c)
	}
	return escape(out, c)
}

// AppendUnquoted appends the content of a valid JSON string, given with its
// quotes. Half a surrogate pair becomes U+FFFD followed by its value in
// hexadecimal.
func AppendUnquoted(out, quoted []byte) []byte {
	s := quoted[1 : len(quoted)-1]
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := unit(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				pair := utf8.RuneError
				if len(s) > i+6 && s[i+1] == '\\' && s[i+2] == 'u' {
					pair = utf16.DecodeRune(r, unit(s[i+3:]))
				}
				if pair == utf8.RuneError {
					out = escape(out, byte(r>>8), byte(r))
					continue
				}
				r, i = pair, i+6
			}
			out = utf8.AppendRune(out, r)
		default: // a quote, a slash or a backslash
			out = append(out, s[i])
		}
	}
	return out
}

// unit reads the four digits of \u.
func unit(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits[:4]), 16, 16)
	return rune(n)
}
