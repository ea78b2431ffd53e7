from datetime import timedelta

import django.utils.timezone
from django.db import migrations, models
from django.utils import timezone


def all_is_of_unknown_rules(apps, _schema):
    """What an installation kept before rules had versions is made anew once; one that is new has nothing of that kind."""
    if apps.get_model("sharing", "Function").objects.exists():
        apps.get_model("sharing", "Renewal").objects.create(pk=1)


def what_waits_already(apps, _schema):
    """Since when a step waits was not kept: people are reminded of it as if it were handed over now."""
    now = timezone.now()
    waiting = apps.get_model("sharing", "WiringStep").objects.filter(state="asked", wiring__abandoned_at=None)
    waiting.update(asked_at=now, remind_at=now + timedelta(days=3))


class Migration(migrations.Migration):

    dependencies = [
        ('sharing', '0031_kept_pages'),
    ]

    operations = [
        migrations.CreateModel(
            name='Latch',
            fields=[
                ('number', models.CharField(max_length=12, primary_key=True, serialize=False)),
            ],
            options={
                'verbose_name_plural': 'latches',
            },
        ),
        migrations.CreateModel(
            name='Renewal',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('mark', models.CharField(blank=True, max_length=200)),
                ('made', models.JSONField(blank=True, default=dict)),
                ('checkpoint', models.CharField(blank=True, max_length=36)),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='renewal_one_row')],
            },
        ),
        migrations.RunPython(all_is_of_unknown_rules, migrations.RunPython.noop),
        migrations.AddField(
            model_name='user',
            name='reminders',
            field=models.BooleanField(default=True, help_text='Whether mail reminds them of what ends or waits for them.'),
        ),
        migrations.AddField(
            model_name='wiringstep',
            name='asked_at',
            field=models.DateTimeField(blank=True, help_text='When it was last handed over to people.', null=True),
        ),
        migrations.AddField(
            model_name='wiringstep',
            name='remind_at',
            field=models.DateTimeField(blank=True, help_text='When they are reminded of it; null: no more.', null=True),
        ),
        migrations.AddIndex(
            model_name='wiringstep',
            index=models.Index(condition=models.Q(('remind_at__isnull', False), ('state', 'asked')), fields=['remind_at'], name='wiringstep_remind'),
        ),
        migrations.RunPython(what_waits_already, migrations.RunPython.noop),
    ]
