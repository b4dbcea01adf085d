package dev.onced.http;

import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.WriteListener;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/**
 * Holds a response's body back until it is recorded; status and headers stand at the real response, which sends nothing
 * until then. A body over the limit cannot be stored, and is let through.
 */
final class HeldResponse extends HttpServletResponseWrapper {
  private final int bytesMax;
  private final ByteArrayOutputStream held = new ByteArrayOutputStream();
  private final Output output = new Output();
  private PrintWriter writer;
  private boolean isPassing;
  private boolean hasCallerLeft;

  HeldResponse(HttpServletResponse response, int bytesMax) {
    super(response);
    this.bytesMax = bytesMax;
  }

  /** Empties the writer. After it the body is whole. */
  void finishWriting() {
    if (writer != null) {
      writer.flush();
    }
  }

  byte[] body() {
    return held.toByteArray();
  }

  /** It has been sent already, and is not kept. */
  boolean isPassing() {
    return isPassing;
  }

  @Override
  public ServletOutputStream getOutputStream() {
    return output;
  }

  @Override
  public PrintWriter getWriter() throws IOException {
    if (writer == null) {
      setCharacterEncoding(getCharacterEncoding()); // as the container does: the header names it from here on
      writer = new PrintWriter(new OutputStreamWriter(output, getCharacterEncoding()));
    }
    return writer;
  }

  /** Not the container's page, which comes too late to be recorded. */
  @Override
  public void sendError(int status, String message) throws IOException {
    resetBuffer();
    setStatus(status);
    setContentType("application/problem+json");
    String text = "{\"status\":" + status + ",\"title\":" + Quoted.of(message == null ? "" : message) + "}";
    output.write(text.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void sendError(int status) throws IOException {
    sendError(status, null);
  }

  @Override
  public void sendRedirect(String location) {
    resetBuffer();
    setStatus(SC_FOUND);
    setHeader("Location", location);
  }

  @Override
  public void flushBuffer() {
    // A response is sent when it is recorded.
  }

  @Override
  public boolean isCommitted() {
    return isPassing;
  }

  @Override
  public void resetBuffer() {
    if (isPassing) {
      throw new IllegalStateException("the response is on its way");
    }
    finishWriting(); // what is still in the writer goes too
    held.reset();
  }

  @Override
  public void reset() {
    resetBuffer();
    super.reset();
  }

  // The real length is set when it is sent.
  @Override
  public void setContentLength(int length) {}

  @Override
  public void setContentLengthLong(long length) {}

  private final class Output extends ServletOutputStream {
    @Override
    public void write(int single) {
      write(new byte[] {(byte) single}, 0, 1);
    }

    @Override
    public void write(byte[] data, int offset, int length) {
      if (!isPassing && held.size() + length <= bytesMax) {
        held.write(data, offset, length);
        return;
      }
      if (!isPassing) {
        isPassing = true;
        pass(held.toByteArray(), 0, held.size());
      }
      pass(data, offset, length);
    }

    /** A caller who has left does not end the servlet: what it did is recorded all the same. */
    private void pass(byte[] data, int offset, int length) {
      if (hasCallerLeft) {
        return;
      }
      try {
        getResponse().getOutputStream().write(data, offset, length);
      } catch (IOException e) {
        hasCallerLeft = true;
      }
    }

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void setWriteListener(WriteListener listener) {
      throw new IllegalStateException("the response is not asynchronous");
    }
  }
}
