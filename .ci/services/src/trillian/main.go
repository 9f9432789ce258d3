// Command trillian is Trillian's log server and its sequencer in one process,
// on Trillian's own storage in memory. Upstream's two commands cannot share that
// storage, because they are two processes.
//
// The first line it prints is its host and port; each further line is the id of
// one of the empty logs that it made.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/extension"
	tlog "github.com/google/trillian/log"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
)

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	logs := flag.Int("logs", 1, "how many logs to make")
	flag.Parse()
	if err := run(context.Background(), *address, *logs); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string, logs int) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	trees := memory.NewTreeStorage()
	registry := extension.Registry{
		AdminStorage: memory.NewAdminStorage(trees),
		LogStorage:   memory.NewLogStorage(trees, nil),
		QuotaManager: quota.Noop(),
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(interceptor.ErrorWrapper))
	trillian.RegisterTrillianAdminServer(s, admin.New(registry, nil))
	trillian.RegisterTrillianLogServer(s, server.NewTrillianLogRPCServer(registry, clock.System))
	sequencer := tlog.NewOperationManager(tlog.OperationInfo{
		Registry: registry, BatchSize: 50, NumWorkers: 1, TimeSource: clock.System,
		// Who logs an entry waits for it to be sequenced.
		RunInterval: 100 * time.Millisecond,
	}, tlog.NewSequencerManager(registry, 0))
	go sequencer.OperationLoop(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()

	fmt.Println(listener.Addr())
	client, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	for range logs {
		tree, err := trillian.NewTrillianAdminClient(client).CreateTree(ctx, &trillian.CreateTreeRequest{Tree: &trillian.Tree{
			TreeState: trillian.TreeState_ACTIVE, TreeType: trillian.TreeType_LOG, MaxRootDuration: durationpb.New(time.Hour),
		}})
		if err != nil {
			return fmt.Errorf("making a log: %w", err)
		}
		if _, err := trillian.NewTrillianLogClient(client).InitLog(ctx, &trillian.InitLogRequest{LogId: tree.TreeId}); err != nil {
			return fmt.Errorf("initialising log %d: %w", tree.TreeId, err)
		}
		fmt.Println(tree.TreeId)
	}
	return <-done
}
