package compose

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // logos and avatars
	_ "image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/roomreel/roomreel/recording"
)

// AssetsFolder is the folder, in a recording's directory, of the pictures that
// a film's wish may name.
const AssetsFolder = "assets"

const (
	mostAssetBytes  = 20 << 20
	mostAssetPixels = 40e6
)

// asset is a picture from outside, and what its file holds.
type asset struct {
	picture image.Image
	digest  string
}

// readAsset reads a picture from the recording's folder of assets, or else
// from the shared one. A file outside of them is never opened, whatever links
// there are.
func readAsset(dir, shared, file string) (asset, error) {
	folders := []string{filepath.Join(dir, AssetsFolder)}
	if shared != "" {
		folders = append(folders, shared)
	}
	for _, folder := range folders {
		f, err := os.OpenInRoot(folder, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return asset{}, recording.Errorf(recording.CodeInvalidRequest, "the picture %.60q cannot be opened: it is not readable, or a link out of its folder", file)
		}
		defer f.Close()
		return decodeAsset(f, file)
	}
	return asset{}, recording.Errorf(recording.CodeInvalidRequest,
		"there is no picture %.60q: put it into the folder %s of the recording's directory, or into the composer's", file, AssetsFolder)
}

func decodeAsset(f io.Reader, file string) (asset, error) {
	refuse := func(format string, args ...any) (asset, error) {
		return asset{}, recording.Errorf(recording.CodeInvalidRequest, "the picture %.60q "+format, append([]any{file}, args...)...)
	}
	b, err := io.ReadAll(io.LimitReader(f, mostAssetBytes+1))
	if err != nil {
		return asset{}, fmt.Errorf("read picture: %w", err)
	}
	if len(b) > mostAssetBytes {
		return refuse("is larger than %d MB", mostAssetBytes>>20)
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return refuse("is no PNG or JPEG")
	}
	if size.Width*size.Height > mostAssetPixels {
		return refuse("is too large: %dx%d", size.Width, size.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return refuse("is damaged: %w", err)
	}
	sum := sha256.Sum256(b)
	return asset{picture: img, digest: fmt.Sprintf("%x", sum)}, nil
}
