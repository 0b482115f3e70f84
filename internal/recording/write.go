package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Writer appends lines to a file that only its owner can read. It is not safe for
// concurrent use.
type Writer struct{ file *os.File }

// Append opens a file, or makes it, to write after what it holds. cut reports whether an earlier recording ended within
// a line, after which a new one begins.
func Append(path string) (w *Writer, cut bool, err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("%s: is not a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	cut, err = prepare(f)
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return &Writer{f}, cut, nil
}

// prepare has a file ready for the next line.
func prepare(f *os.File) (cut bool, err error) {
	if err := f.Chmod(0o600); err != nil {
		return false, err
	}
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return false, err
	}
	if last[0] == '\n' {
		return false, nil
	}
	_, err = f.Write([]byte("\n"))
	return true, err
}

// Write appends a line, and waits until it is on the disk. Of one that can't be
// written whole, as on a full disk, nothing stays.
func (w *Writer) Write(l *Line) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return err
	}
	if n, err := w.file.Write(b.Bytes()); err != nil {
		return errors.Join(err, w.cut(int64(n)))
	}
	return w.file.Sync()
}

// cut takes away the last bytes.
func (w *Writer) cut(n int64) error {
	info, err := w.file.Stat()
	if err != nil {
		return err
	}
	return w.file.Truncate(info.Size() - n)
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }
