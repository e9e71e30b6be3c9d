package compose

import (
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

// readAsset reads a picture from the recording's folder of assets, or else
// from the shared one. A file outside of them is never opened, whatever links
// there are.
func readAsset(dir, shared, file string) (image.Image, error) {
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
			return nil, recording.Errorf(recording.CodeInvalidRequest, "the picture %.60q cannot be opened: it is not readable, or a link out of its folder", file)
		}
		defer f.Close()
		return decodeAsset(f, file)
	}
	return nil, recording.Errorf(recording.CodeInvalidRequest,
		"there is no picture %.60q: put it into the folder %s of the recording's directory, or into the composer's", file, AssetsFolder)
}

func decodeAsset(f io.ReadSeeker, file string) (image.Image, error) {
	size, _, err := image.DecodeConfig(io.LimitReader(f, mostAssetBytes))
	if err != nil {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "the picture %.60q is no PNG or JPEG", file)
	}
	if size.Width*size.Height > mostAssetPixels {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "the picture %.60q is too large: %dx%d", file, size.Width, size.Height)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	img, _, err := image.Decode(io.LimitReader(f, mostAssetBytes))
	if err != nil {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "the picture %.60q is damaged, or larger than %d MB", file, mostAssetBytes>>20)
	}
	return img, nil
}
