// Labels of a record, each with a link where a template for its name is set.

import { Button, TextInput } from '@mantine/core';
import { Fragment, useState } from 'react';
import { Visible } from '../../parts/visible.tsx';
import { linkOf, readTemplates, whyBad, writeTemplate } from './links.ts';

interface LabelsProps {
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function Labels({ title, labels }: LabelsProps) {
  const [templates, setTemplates] = useState(readTemplates);
  const [edited, setEdited] = useState<string>();
  const entries = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return null;
  return (
    <section className="card" aria-label={title}>
      <h2>{title}</h2>
      <table className="plain-table labels">
        <tbody>
          {entries.map(([name, value]) => {
            const template = templates.find(({ label }) => label === name)?.template ?? '';
            const href = template === '' ? undefined : linkOf(template, value);
            return (
              <Fragment key={name}>
                <tr>
                  <th scope="row">
                    <Visible text={name} />
                  </th>
                  <td>
                    {href === undefined ? (
                      <Visible text={value} />
                    ) : (
                      <a href={href} target="_blank" rel="noopener noreferrer">
                        <Visible text={value} />
                      </a>
                    )}
                  </td>
                  <td className="number">
                    {edited !== name && (
                      <Button size="compact-xs" variant="subtle" onClick={() => setEdited(name)}>
                        {template === '' ? 'Link …' : 'Change link …'}
                      </Button>
                    )}
                  </td>
                </tr>
                {edited === name && (
                  <tr>
                    <td colSpan={3}>
                      <TemplateForm
                        template={template}
                        onSave={(next) => {
                          setTemplates(writeTemplate({ label: name, template: next }));
                          setEdited(undefined);
                        }}
                      />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function TemplateForm({
  template,
  onSave,
}: {
  readonly template: string;
  readonly onSave: (template: string) => void;
}) {
  const [text, setText] = useState(template);
  const trouble = whyBad(text.trim());
  return (
    <form
      className="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (trouble === undefined) onSave(text.trim());
      }}
    >
      <TextInput
        size="xs"
        aria-label="Link template"
        placeholder="https://traces.example/{value}"
        value={text}
        error={trouble}
        onChange={(event) => setText(event.currentTarget.value)}
        data-autofocus
      />
      <Button size="xs" type="submit" disabled={trouble !== undefined}>
        Save
      </Button>
    </form>
  );
}
