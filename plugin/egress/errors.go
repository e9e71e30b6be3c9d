package egress

import (
	"errors"

	"github.com/livekit/psrpc"

	"github.com/roomreel/roomreel/recording"
)

// codes are LiveKit's codes for roomreel's.
var codes = map[recording.Code]psrpc.ErrorCode{
	recording.CodeInvalidRequest:   psrpc.InvalidArgument,
	recording.CodeInvalidID:        psrpc.InvalidArgument,
	recording.CodeNotFound:         psrpc.NotFound,
	recording.CodeRoomNotFound:     psrpc.NotFound,
	recording.CodeAlreadyStopped:   psrpc.FailedPrecondition,
	recording.CodeNotReady:         psrpc.FailedPrecondition,
	recording.CodeNoMedia:          psrpc.FailedPrecondition,
	recording.CodeUnsupportedCodec: psrpc.Unimplemented,
	recording.CodeEncrypted:        psrpc.FailedPrecondition,
	recording.CodeNotPermitted:     psrpc.PermissionDenied,
	recording.CodeRoomUnreachable:  psrpc.Unavailable,
	recording.CodeStoreUnavailable: psrpc.Unavailable,
	recording.CodeCapacity:         psrpc.ResourceExhausted,
	recording.CodeDiskFull:         psrpc.ResourceExhausted,
	recording.CodeCanceled:         psrpc.Canceled,
}

// recordingError gives an error of roomreel the code that LiveKit's callers know.
func recordingError(err error) error {
	if err == nil {
		return nil
	}
	var already psrpc.Error
	if errors.As(err, &already) {
		return err
	}
	code, ok := codes[recording.CodeOf(err)]
	if !ok {
		code = psrpc.Internal
	}
	return psrpc.NewErrorf(code, "%w", err)
}
