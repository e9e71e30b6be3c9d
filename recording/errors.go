package recording

import (
	"errors"
	"fmt"
	"syscall"
)

// Code names a cause of failure. Codes are stable: they appear in problem
// documents, webhooks and manifests.
type Code string

// The codes that cross package edges.
const (
	CodeInvalidID        Code = "INVALID_ID"
	CodeInvalidRequest   Code = "INVALID_REQUEST"
	CodeNotFound         Code = "NOT_FOUND"
	CodeAlreadyRecording Code = "ALREADY_RECORDING"
	CodeAlreadyStopped   Code = "ALREADY_STOPPED"
	CodeNotReady         Code = "NOT_READY"
	CodeLegalHold        Code = "LEGAL_HOLD"
	CodeNoMedia          Code = "NO_MEDIA"
	CodeRoomNotFound     Code = "ROOM_NOT_FOUND"
	CodeRoomUnreachable  Code = "ROOM_UNREACHABLE"
	CodeUnsupportedCodec Code = "UNSUPPORTED_CODEC"
	CodeEncrypted        Code = "ENCRYPTED"
	CodeNotPermitted     Code = "NOT_PERMITTED"
	CodeSubscribeFailed  Code = "SUBSCRIBE_FAILED"
	CodeDiskFull         Code = "DISK_FULL"
	CodeWriteFailed      Code = "WRITE_FAILED"
	CodeComposeFailed    Code = "COMPOSE_FAILED"
	CodeCanceled         Code = "CANCELED"
	CodeNodeAway         Code = "NODE_AWAY"
	CodePartsDeleted     Code = "PARTS_DELETED"
	CodeStoreUnavailable Code = "STORE_UNAVAILABLE"
	CodeCapacity         Code = "NO_CAPACITY"
	CodeInternal         Code = "INTERNAL"
)

// Error is a failure with a stable code. Message names the cause and, where
// there is one, the cure; it never holds a secret.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	// Existing is the identifier of what stands in the way, for conflicts.
	Existing string `json:"existing,omitempty"`
	cause    error
}

// Errorf makes an *Error. A %w in format is kept for errors.Is and errors.As.
func Errorf(code Code, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	cause := errors.Unwrap(wrapped)
	if _, several := wrapped.(interface{ Unwrap() []error }); several {
		cause = wrapped
	}
	return &Error{Code: code, Message: wrapped.Error(), cause: cause}
}

func (e *Error) Error() string {
	if e == nil {
		return "no error"
	}
	return e.Message
}

func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// Is reports whether target is an *Error with the same code, so that
// errors.Is(err, &Error{Code: CodeNotFound}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t != nil && e != nil && t.Code == e.Code
}

// CodeOf returns the code of the first *Error in err's tree, CodeInternal for
// any other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) && e != nil {
		return e.Code
	}
	return CodeInternal
}

// AsError returns err as an *Error, wrapping it under code when it is none.
func AsError(err error, code Code) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) && e != nil {
		return e
	}
	return &Error{Code: code, Message: err.Error(), cause: err}
}

// IsDiskFull reports whether err comes of a disk, or of a share of it, that is full.
func IsDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
