// Send PROPERTIES JOBS: sends mails with Jakarta Mail, all over one connection, as they are.
// Send PROPERTIES compose ATTACHMENT: composes one as applications do, and hands it over with
// Transport.send().
//
// The properties are those of a Session, with application.user and application.password beside them
// where it is to log in. For JavaMail, the same source with javax in place of jakarta.
import jakarta.mail.Authenticator;
import jakarta.mail.Message;
import jakarta.mail.PasswordAuthentication;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeBodyPart;
import jakarta.mail.internet.MimeMessage;
import jakarta.mail.internet.MimeMultipart;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

public class Send {
  public static void main(String[] arguments) throws Exception {
    Properties properties = new Properties();
    try (InputStream file = new FileInputStream(arguments[0])) {
      properties.load(file);
    }
    String user = properties.getProperty("application.user");
    Session session = Session.getInstance(properties, user == null ? null : new Authenticator() {
      @Override
      protected PasswordAuthentication getPasswordAuthentication() {
        return new PasswordAuthentication(user, properties.getProperty("application.password"));
      }
    });
    if (arguments[1].equals("compose")) {
      compose(session, arguments[2]);
    } else {
      sendAll(session, Path.of(arguments[1]));
    }
  }

  private static void sendAll(Session session, Path jobs) throws Exception {
    try (Transport transport = session.getTransport("smtp")) {
      transport.connect();
      for (String job : Files.readAllLines(jobs)) {
        String[] words = job.split("\t");
        try (InputStream file = new FileInputStream(words[0])) {
          transport.sendMessage(new MimeMessage(session, file), InternetAddress.parse(words[1]));
        }
      }
    }
  }

  private static void compose(Session session, String attachment) throws Exception {
    MimeMessage message = new MimeMessage(session);
    message.setFrom("app@client.test");
    message.setRecipients(Message.RecipientType.TO, "b@example.test");
    message.setSubject("Bericht: Gr\u00f6\u00dfe", "UTF-8");
    MimeBodyPart text = new MimeBodyPart();
    text.setText("Gr\u00fc\u00dfe\n.dot\n", "UTF-8");
    MimeBodyPart report = new MimeBodyPart();
    report.attachFile(attachment);
    MimeMultipart parts = new MimeMultipart();
    parts.addBodyPart(text);
    parts.addBodyPart(report);
    message.setContent(parts);
    Transport.send(message);
  }
}
