package dev.onced;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.ChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class CredentialsTest {
  private static final String API_KEY = "a-key-of-many-characters";
  private static final String PASSWORD = "password";

  @TempDir private Path folder;

  @Test
  void aKeyAndTlsLetACallerIn() throws Exception {
    Path key = Files.writeString(folder.resolve("key"), API_KEY);
    writeCertificate();
    String address = TestServer.start(
        "--admin-key-file", key.toString(),
        "--tls-certificate", folder.resolve("certificate.pem").toString(),
        "--tls-key", folder.resolve("private.pem").toString());
    ChannelCredentials trusting =
        TlsChannelCredentials.newBuilder().trustManager(folder.resolve("certificate.pem").toFile()).build();

    try (OncedClient client = OncedClient.builder(address).tls(trusting).apiKey(API_KEY).build()) {
      assertEquals(1, run(client));
    }
    try (OncedClient client = OncedClient.builder(address).tls(trusting).apiKey("another-key-of-characters").build()) {
      assertThrows(OncedException.Unauthenticated.class, () -> run(client));
    }
    try (OncedClient client = OncedClient.builder(address).tls(trusting).build()) {
      assertThrows(OncedException.Unauthenticated.class, () -> run(client));
    }
    try (OncedClient client = OncedClient.builder(address).tls(TlsChannelCredentials.create()).apiKey(API_KEY).build()) {
      assertTrue(assertThrows(OncedException.class, () -> run(client)).isTemporary(), "a stranger's certificate");
    }
  }

  private static int run(OncedClient client) {
    RunOptions hasty = RunOptions.defaults().beginTimeout(Duration.ofSeconds(1));
    return client.runOnce(TestServer.namespace(), "k", null, Integer.class, attempt -> 1, hasty);
  }

  /** A certificate for loopback, by the JDK's own tool. */
  private void writeCertificate() throws Exception {
    Path store = folder.resolve("store.p12");
    Path keytool = Path.of(System.getProperty("java.home"), "bin", "keytool");
    Process made = new ProcessBuilder(
            keytool.toString(), "-genkeypair", "-alias", "server", "-keyalg", "EC", "-dname", "CN=localhost",
            "-ext", "san=ip:127.0.0.1", "-validity", "1", "-storetype", "PKCS12", "-keystore", store.toString(),
            "-storepass", PASSWORD)
        .inheritIO()
        .start();
    assertEquals(0, made.waitFor());
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream input = Files.newInputStream(store)) {
      keys.load(input, PASSWORD.toCharArray());
    }
    Key secret = keys.getKey("server", PASSWORD.toCharArray());
    writePem("certificate.pem", "CERTIFICATE", keys.getCertificate("server").getEncoded());
    writePem("private.pem", "PRIVATE KEY", secret.getEncoded());
  }

  private void writePem(String file, String kind, byte[] content) throws Exception {
    String base64 = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
    Files.writeString(
        folder.resolve(file), "-----BEGIN " + kind + "-----\n" + base64 + "\n-----END " + kind + "-----\n");
  }
}
