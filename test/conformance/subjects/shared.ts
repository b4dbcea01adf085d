// One real server for all places of a test process: started for the first, ended with the last.

export interface Disposable {
  dispose(): Promise<void>;
}

export interface Shared<Server> {
  acquire(): Promise<Server>;
  release(): Promise<void>;
}

export function shared<Server extends Disposable>(start: () => Promise<Server>): Shared<Server> {
  let server: Promise<Server> | undefined;
  let users = 0;
  return {
    acquire() {
      users += 1;
      server ??= start();
      return server;
    },
    async release() {
      users -= 1;
      const ending = server;
      if (users > 0 || ending === undefined) return;
      server = undefined;
      await (await ending).dispose();
    },
  };
}
