package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/deliver"
)

func webhooksCommand() *cli.Command {
	return &cli.Command{
		Name:     "webhooks",
		Usage:    "receive roomreel's webhooks on this machine",
		Commands: []*cli.Command{listenCommand()},
	}
}

func listenCommand() *cli.Command {
	return &cli.Command{
		Name:  "listen",
		Usage: "verify and print every webhook that comes, until Ctrl-C",
		Description: "Name the address under webhooks in roomreel's configuration, with the same secret:\n" +
			"  - id: laptop\n    url: http://127.0.0.1:7899/\n    secrets: [whsec_…]\n" +
			"What is not signed with it is answered with 401, so that roomreel shows it as failed.\n\n" +
			"   roomreel webhooks listen --secret whsec_…\n" +
			"   roomreel webhooks listen --insecure --listen 127.0.0.1:8000",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:7899", Usage: "`ADDRESS` to listen on"},
			&cli.StringSliceFlag{Name: "secret", Usage: "`SECRET` of the endpoint; may be repeated", Sources: cli.EnvVars("ROOMREEL_WEBHOOK_SECRET")},
			&cli.BoolFlag{Name: "insecure", Usage: "print without verifying"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			secrets := cmd.StringSlice("secret")
			if len(secrets) == 0 && !cmd.Bool("insecure") {
				return errors.New("give the endpoint's --secret (whsec_…) to verify with, or --insecure to print without verifying")
			}
			if _, err := deliver.StandardSigner(secrets...); err != nil && len(secrets) > 0 {
				return err
			}
			l, err := listen(cmd.String("listen"))
			if err != nil {
				return fmt.Errorf("--listen: %w", err)
			}
			out := cmd.Root().Writer
			fmt.Fprintf(out, "listening on http://%s/\n", l.Addr())
			const headerTimeout = 10 * time.Second
			server := &http.Server{Handler: printWebhooks(out, secrets), ReadHeaderTimeout: headerTimeout}
			go func() {
				<-ctx.Done()
				_ = server.Close()
			}()
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("listen for webhooks: %w", err)
			}
			return nil
		},
	}
}

// printWebhooks answers and prints webhooks; no secrets means not to verify.
func printWebhooks(out io.Writer, secrets []string) http.Handler {
	const most = 1 << 20
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		verified := "not verified"
		if len(secrets) > 0 {
			if err := deliver.Verify(r.Header, body, time.Now(), secrets...); err != nil {
				fmt.Fprintf(out, "%s  refused: %v\n", time.Now().Format(time.TimeOnly), err)
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
			verified = "verified"
		}
		var pretty bytes.Buffer
		if json.Indent(&pretty, body, "", "  ") != nil {
			pretty.Reset()
			pretty.Write(body)
		}
		fmt.Fprintf(out, "%s  %s  %s\n%s\n", time.Now().Format(time.TimeOnly), r.Header.Get("webhook-id"), verified, &pretty)
		w.WriteHeader(http.StatusNoContent)
	})
}
