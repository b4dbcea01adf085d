package dev.onced.http;

import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** A real servlet container on loopback with one filter and one servlet. */
final class TestWeb implements AutoCloseable {
  /** What the servlet does. */
  interface Handler {
    void handle(HttpServletRequest request, HttpServletResponse response) throws IOException, InterruptedException;
  }

  private final Server server = new Server();
  private final ServerConnector connector = new ServerConnector(server);

  TestWeb(Filter filter, Handler handler) throws Exception {
    connector.setHost("127.0.0.1");
    server.addConnector(connector);
    ServletContextHandler context = new ServletContextHandler();
    context.addFilter(new FilterHolder(filter), "/*", null);
    context.addServlet(new ServletHolder(new HttpServlet() {
      private static final long serialVersionUID = 1L;

      @Override
      protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        try {
          handler.handle(request, response);
        } catch (InterruptedException e) {
          throw new IOException(e);
        }
      }
    }), "/*");
    server.setHandler(context);
    server.start();
  }

  String address() {
    return "127.0.0.1:" + connector.getLocalPort();
  }

  @Override
  public void close() throws Exception {
    server.stop();
  }
}
