package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"
)

func TestErrorIsAndAs(t *testing.T) {
	pathError := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	err := fmt.Errorf("start: %w", Errorf(CodeNotFound, "find %s: %w", "rec", pathError))
	for _, c := range []struct {
		name   string
		target error
		want   bool
	}{
		{"same code", &Error{Code: CodeNotFound}, true},
		{"same code, another message", &Error{Code: CodeNotFound, Message: "gone"}, true},
		{"another code", &Error{Code: CodeInternal}, false},
		{"the cause's cause", fs.ErrNotExist, true},
		{"another error", io.EOF, false},
		{"nil", nil, false},
	} {
		if got := errors.Is(err, c.target); got != c.want {
			t.Errorf("%s: Is = %v, want %v", c.name, got, c.want)
		}
	}
	var e *Error
	if !errors.As(err, &e) || e.Message != "find rec: open x: file does not exist" || e.Error() != e.Message {
		t.Errorf("As found %+v", e)
	}
	if cause, ok := errors.AsType[*fs.PathError](err); !ok || cause != pathError {
		t.Errorf("the cause is %v", cause)
	}
	if Errorf(CodeInternal, "plain").Unwrap() != nil {
		t.Error("an error without a cause has one")
	}
}

func TestCodeOf(t *testing.T) {
	var none *Error
	for _, c := range []struct {
		name string
		err  error
		want Code
	}{
		{"nil", nil, ""},
		{"ours", Errorf(CodeDiskFull, "full"), CodeDiskFull},
		{"wrapped", fmt.Errorf("write: %w", Errorf(CodeDiskFull, "full")), CodeDiskFull},
		{"joined", errors.Join(io.EOF, Errorf(CodeNoMedia, "silent")), CodeNoMedia},
		{"the outer of two", Errorf(CodeWriteFailed, "write: %w", Errorf(CodeDiskFull, "full")), CodeWriteFailed},
		{"foreign", io.EOF, CodeInternal},
		{"nil inside an interface", none, CodeInternal},
		{"nil, wrapped", fmt.Errorf("write: %w", error(none)), CodeInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Fatal("panic:", p)
				}
			}()
			if got := CodeOf(c.err); got != c.want {
				t.Errorf("CodeOf = %q, want %q", got, c.want)
			}
		})
	}
}

func TestAsError(t *testing.T) {
	if got := AsError(nil, CodeInternal); got != nil {
		t.Errorf("nil became %v", got)
	}
	full := Errorf(CodeDiskFull, "full")
	if got := AsError(fmt.Errorf("write: %w", full), CodeInternal); got != full {
		t.Errorf("an *Error inside became %+v", got)
	}
	got := AsError(io.EOF, CodeWriteFailed)
	if got.Code != CodeWriteFailed || got.Message != "EOF" || !errors.Is(got, io.EOF) {
		t.Errorf("a foreign error became %+v", got)
	}
}

func TestErrorJSON(t *testing.T) {
	e := Errorf(CodeAlreadyRecording, "room %q: %w", "a", io.EOF)
	e.Existing = "rec_1"
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"code":"ALREADY_RECORDING","message":"room \"a\": EOF","existing":"rec_1"}`; string(b) != want {
		t.Errorf("JSON is %s, want %s", b, want)
	}
}
