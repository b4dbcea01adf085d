package dev.onced;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A real Onced server with a store in memory: one process for all tests that need nothing special. */
public final class TestServer {
  private static final Pattern ADDRESS = Pattern.compile("gRPC on ([\\d.]+:\\d+)");
  private static final Path ROOT = Path.of("").toAbsolutePath().getParent().getParent();
  private static String address;

  private TestServer() {}

  /** Where it serves gRPC. */
  public static synchronized String address() {
    if (address == null) {
      address = start();
    }
    return address;
  }

  /** A namespace that no other test uses. */
  public static String namespace() {
    return "test/" + UUID.randomUUID();
  }

  /** Has an operator end the attempt under way, whose holder loses its lease. */
  public static void release(String namespace, String key) {
    try {
      Process operator = new ProcessBuilder(
              "node_modules/.bin/node", "cli/main.ts", "resolve", namespace, key, "--released", "--force",
              "--reason", "test", "--server", address())
          .directory(ROOT.toFile())
          .redirectError(ProcessBuilder.Redirect.INHERIT)
          .start();
      if (operator.waitFor() != 0) {
        throw new IllegalStateException("the operator's command failed");
      }
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Another server of its own, with more flags; it lives as long as this process. Returns where it serves gRPC. */
  public static String start(String... flags) {
    try {
      Path journal = Files.createTempDirectory("onced-java").resolve("journal.db");
      List<String> command = new ArrayList<>(List.of(
          "node_modules/.bin/node", "cli/main.ts", "serve", "--store", "memory:", "--grpc", "127.0.0.1:0",
          "--http", "127.0.0.1:0", "--journal", journal.toString(), "--log-level", "error"));
      command.addAll(List.of(flags));
      Process process = new ProcessBuilder(command)
          .directory(ROOT.toFile())
          .redirectError(ProcessBuilder.Redirect.INHERIT)
          .start();
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
      return readAddress(process);
    } catch (IOException e) {
      throw new IllegalStateException("the server's Node is installed by npm ci in the repository", e);
    }
  }

  private static String readAddress(Process process) throws IOException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Matcher found = ADDRESS.matcher(line);
      if (found.find()) {
        return found.group(1);
      }
    }
    throw new IllegalStateException("the server ended without saying where it serves gRPC");
  }
}
