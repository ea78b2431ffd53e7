from django.db import migrations, models


def keep(apps, _schema):
    """Every account that is known here, or that a policy, a share or an invitation named (sharing.models.consumer)."""
    account, party, grant, invitation, kept = (
        apps.get_model("sharing", name) for name in ("Account", "PartyTally", "Grant", "Invitation", "KeptConsumer")
    )
    names = {number: name.casefold() for number, name in account.objects.order_by().values_list("number", "name")}
    named = set(party.objects.filter(kind="account").order_by().values_list("principal", flat=True))
    named |= set(grant.objects.exclude(principal_account="").order_by().values_list("principal_account", flat=True).distinct())
    named |= set(invitation.objects.exclude(number="").order_by().values_list("number", flat=True).distinct())
    rows = [kept(number=number, nameless=False, name=name) for number, name in names.items()]
    rows += [kept(number=number) for number in sorted(named - set(names))]
    kept.objects.bulk_create(rows, batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ('sharing', '0032_read_places'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptConsumer',
            fields=[
                ('number', models.CharField(max_length=12, primary_key=True, serialize=False)),
                ('nameless', models.BooleanField(default=True)),
                ('name', models.CharField(default='unknown account', max_length=250)),
            ],
            options={
                'ordering': ('nameless', 'name', 'number'),
                'indexes': [models.Index(fields=['nameless', 'name', 'number'], name='keptconsumer_by_name')],
            },
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
